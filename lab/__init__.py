# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Cassandra clusters and a real S3 server on one machine.

For the demo, the tests and the benchmarks. ``python -m lab --help`` is the command line; the classes behind it are
:class:`lab.cluster.Cluster`, :class:`lab.s3.S3Server` and :class:`lab.writer.Writer`.
"""
