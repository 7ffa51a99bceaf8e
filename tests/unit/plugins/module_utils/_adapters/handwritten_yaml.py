# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ``cassandra.yaml`` as an operator writes it."""

from __future__ import annotations

import pathlib

TEXT = """\
# NOTE: this file is written by hand.
cluster_name: 'Test Cluster'   # quoted, as it was

# as many as before
num_tokens: 16  # the default
# initial_token:

data_file_directories:
     - /var/lib/cassandra/data1
     - /var/lib/cassandra/data2
commitlog_directory: /var/lib/cassandra/commitlog
hints_directory: /var/lib/cassandra/hints
saved_caches_directory: /var/lib/cassandra/saved_caches
seed_provider:
    # Addresses of hosts
    - class_name: org.apache.cassandra.locator.SimpleSeedProvider
      parameters:
          - seeds: "10.0.0.1:7000, 10.0.0.2"
listen_address: 10.0.0.1
commitlog_sync_period: 10000ms
"""


def write_config(directory: pathlib.Path) -> pathlib.Path:
    """Write it, with a mode of its own."""
    path = directory / "cassandra.yaml"
    path.write_text(TEXT)
    path.chmod(0o640)
    return path
