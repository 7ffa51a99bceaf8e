# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that say how hard a transfer may work."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the options that say how hard a transfer may work."""

    DOCUMENTATION = r"""
options:
  workers:
    description: How many objects are in flight at once. Memory grows with this, not with the size of the data.
    type: int
    default: 4
  max_bytes_per_second:
    description: A limit for all workers of the node together. Unlimited by default.
    type: int
  progress_file:
    description:
      - A file on the node in which the module says how far it is, as one line of JSON.
      - The action plugin of the module sets it, shows what it reads there, and removes it. There is rarely a reason to
        set it by hand.
      - If there is a file of the same name with C(.lease) appended at the start, the module ends by itself,
        and can be resumed, once that file has not been touched for three minutes or is gone.
    type: path
"""
