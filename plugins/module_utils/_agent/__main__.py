# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The agent's entry: ``python -m ansible_collections.revive.cassandra.plugins.module_utils._agent --config FILE``."""

from __future__ import annotations

import argparse
import sys

from ansible_collections.revive.cassandra.plugins.module_utils._agent.config import load_config
from ansible_collections.revive.cassandra.plugins.module_utils._agent.daemon import run_until_terminated
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ReviveError


def main() -> int:
    """Run the agent; 0 after SIGTERM, 1 if it cannot start."""
    parser = argparse.ArgumentParser(prog="revive-agent", description="Ships a Cassandra node's commit log.")
    parser.add_argument("--config", required=True, help="the agent's configuration, a JSON file")
    options = parser.parse_args()
    try:
        run_until_terminated(load_config(options.config))
    except ReviveError as error:
        sys.stderr.write(f"revive-agent: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
