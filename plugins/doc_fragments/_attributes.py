# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of what modules promise."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of what modules promise."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and say what it would change, without changing anything.
  diff_mode:
    description: Says in detail what changed, or would change, when run with C(--diff).
  idempotent:
    description: Run again with the same options and nothing else changed, it changes nothing.
  action_group:
    description: Is in the action group C(revive.cassandra.cassandra), so C(module_defaults) can be set for all modules.
    support: full
    membership:
      - revive.cassandra.cassandra
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - The module only reads.
  diff_mode:
    support: N/A
    details:
      - The module only reads.
  idempotent:
    support: full
    details:
      - The module only reads.
"""
