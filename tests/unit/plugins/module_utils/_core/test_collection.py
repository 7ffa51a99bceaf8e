# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

from ansible_collections.revive.cassandra.plugins.module_utils._core.collection import COLLECTION_VERSION

GALAXY = pathlib.Path(__file__).resolve().parents[5] / "galaxy.yml"


def test_the_release_is_the_one_that_is_built() -> None:
    assert f"version: {COLLECTION_VERSION}" in GALAXY.read_text().splitlines()
