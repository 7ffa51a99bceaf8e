#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Runs on the controller: the action plugin of this name does it.

from __future__ import annotations

DOCUMENTATION = r"""
module: decide_together
version_added: 0.1.0
short_description: Go on only if a step was done on every host of the play
description:
  - Looks at what a step registered on each host, and fails on all hosts together where one of them has not done it. The
    message names each host that has not, with its reason.
  - A host that was never asked, cannot be reached, or crashed counts as one that did not. So the step itself needs
    C(ignore_errors) and C(ignore_unreachable), or its host is out of the play before anybody decides.
  - Because it fails on every host, C(rescue) runs on every host.
  - It runs on the controller and asks no host.
author:
  - the revive.cassandra authors (!UNKNOWN)
attributes:
  check_mode:
    description: Can run in C(check_mode) and say what it would change, without changing anything.
    support: full
    details:
      - The module only reads.
  diff_mode:
    description: Says in detail what changed, or would change, when run with C(--diff).
    support: N/A
    details:
      - The module only reads.
  idempotent:
    description: Run again with the same options and nothing else changed, it changes nothing.
    support: full
    details:
      - The module only reads.
options:
  register:
    description: The name that the step registers. Needs O(key). This or O(problems) is needed.
    type: str
  key:
    description: A key that the step's result has only if it was done.
    type: str
  hosts:
    description: The hosts that must have done it. By default all of the play, even those that have failed since.
    type: list
    elements: str
  ran_once:
    description: Whether one host did the step for all, with C(run_once), so no host is named.
    type: bool
    default: false
  problems:
    description: Reasons against going on that were found in another way, such as by a filter.
    type: list
    elements: str
  otherwise:
    description: What to say before the reasons, such as what has not been touched yet.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Take the snapshot
  revive.cassandra.cassandra_snapshot:
    tag: before_migration
  register: snapshot
  ignore_errors: true
  ignore_unreachable: true

- name: Go on only if every node has it
  revive.cassandra.decide_together:
    register: snapshot
    key: snapshot
    otherwise: Some nodes have no snapshot.

- name: Go on only if the ring is whole
  revive.cassandra.decide_together:
    problems: "{{ node_info.ring | revive.cassandra.ring_problems(host_ids) }}"
    otherwise: Nothing was changed.
"""

RETURN = r"""
problems:
  description: A sentence for each reason against going on; empty if there is none.
  returned: always
  type: list
  elements: str
  sample: ["node2: cannot be reached: timed out"]
"""
