# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks registered on the hosts of a play."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError


def registered(hostvars: t.Any, hosts: t.Iterable[str], name: str) -> dict[str, t.Any]:
    """A variable of each host; ``None`` where there is none.

    :param hostvars: Ansible's own mapping, whose values are templated when they are read.
    :raises AnsibleError: there is no such host.
    """
    return {host: _variable(hostvars, host, name) for host in hosts}


def _variable(hostvars: t.Any, host: str, name: str) -> t.Any:
    try:
        return hostvars[host].get(name)
    except (KeyError, AttributeError) as error:
        raise AnsibleError(f"There are no variables of {host}") from error
