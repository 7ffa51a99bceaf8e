# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a play is to the nodes that it works on."""

from __future__ import annotations

DOCUMENTATION = r"""
name: lease
version_added: 0.1.0
author: the revive.cassandra authors (!UNKNOWN)
short_description: Who a play is to the nodes that it works on
description:
  - Makes what the option O(revive.cassandra.cassandra_lease#module:lease) of modules takes, so a node has one play at
    a time.
  - It has a new id each time. So call it once a play, in M(ansible.builtin.set_fact), and give all modules the same.
  - It says who has started the play on which controller, and the job of AWX or Ansible Automation Platform.
options:
  _terms:
    description: What the play does, in a word or two, such as V(backup).
    required: true
  works_on:
    description: What it works on, such as a tag.
    type: str
    default: ""
  lease_minutes:
    description: After how long without a sign of life another play may take the nodes.
    type: int
    default: 120
"""

EXAMPLES = r"""
- name: Name the play once
  ansible.builtin.set_fact:
    my_lease: "{{ lookup('revive.cassandra.lease', 'maintenance') }}"
  run_once: true
"""

RETURN = r"""
_raw:
  description: The lease.
  type: list
  elements: dict
"""

import contextlib
import getpass
import os
import platform
import secrets
import typing as t

from ansible.plugins.lookup import LookupBase

from ansible_collections.revive.cassandra.plugins.plugin_utils._play_process import this_play


class LookupModule(LookupBase):
    """The lookup."""

    def run(self, terms: t.Any, variables: t.Any = None, **kwargs: t.Any) -> list[dict[str, t.Any]]:
        """One lease for each operation."""
        known = variables or {}
        return [
            {
                "id": secrets.token_hex(8),
                "operation": str(term),
                "works_on": str(kwargs.get("works_on") or ""),
                "started_by": f"{_user(known)}@{platform.node()}",
                "job": _job(known),
                "controller": this_play(),
                "lease_minutes": int(kwargs.get("lease_minutes") or 120),
            }
            for term in terms
        ]


def _user(known: t.Mapping[str, t.Any]) -> str:
    """Who has started the play."""
    for name in ("awx_user_name", "tower_user_name"):
        if known.get(name):
            return str(known[name])
    with contextlib.suppress(KeyError, OSError, ImportError):
        return getpass.getuser()
    return str(os.getuid())


def _job(known: t.Mapping[str, t.Any]) -> str:
    """The job that the play is, where a controller runs it by a number."""
    for name in ("awx_job_id", "tower_job_id"):
        if known.get(name):
            return f"AWX job {known[name]}"
    return f"AWX job {os.environ['AWX_JOB_ID']}" if os.environ.get("AWX_JOB_ID") else ""
