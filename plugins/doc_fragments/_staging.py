# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that say how staging instances run."""

from __future__ import annotations


class ModuleDocFragment:
    """Private to revive.cassandra."""

    DOCUMENTATION = r"""
options:
  staging_command:
    description:
      - The command that starts the installed Cassandra in the foreground, with its fixed arguments. It has to honour
        C(CASSANDRA_INCLUDE) or C(CASSANDRA_CONF), and C(JVM_EXTRA_OPTS), as Cassandra's own does.
    type: str
    default: cassandra -f
  staging_address:
    description: A spare loopback address. Free ports on it are chosen.
    type: str
    default: 127.0.0.254
  staging_heap_mib:
    description: The heap of the instance in MiB. Its direct memory may be as much again.
    type: int
    default: 1024
  staging_nice:
    description: How far it gives way to other processes, from 0 to 19.
    type: int
    default: 10
"""
