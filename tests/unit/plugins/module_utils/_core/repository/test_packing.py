# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files go into which object."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.packing import (
    PACK_LIMIT_BYTES,
    SnapshotFile,
    plan_objects,
)

#: These find what is wrong about values, not about the speed of a busy machine.
calm = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TABLE = TableRef(keyspace="ks", table="t", id="0" * 32)
components = st.sampled_from(["Data.db", "Index.db", "TOC.txt", "SAI+aa+idx+Meta.db", "Rows.db"])
paths = st.one_of(
    st.builds("{}nb-{}-big-{}".format, st.sampled_from(["", ".idx/"]), st.integers(1, 12), components),
    st.sampled_from(["stray", "other.txt"]),
)
sizes = st.sampled_from([0, 5, PACK_LIMIT_BYTES, PACK_LIMIT_BYTES + 1])


def file(path: str, size: int) -> SnapshotFile:
    return SnapshotFile(path=path, source=f"/{path}", size=size, inode_key=(0, 0, 0))


@calm
@given(found=st.dictionaries(paths, sizes, max_size=40), seed=st.integers())
def test_every_file_is_in_one_object_and_the_plan_does_not_depend_on_the_order(
    found: dict[str, int], seed: int
) -> None:
    files = [file(path, size) for path, size in found.items()]
    plans = list(plan_objects(TABLE, data_directory=0, files=files))
    assert sorted(entry.path for plan in plans for entry in plan.files) == sorted(found)
    shuffled = random.Random(seed).sample(files, len(files))
    assert list(plan_objects(TABLE, data_directory=0, files=shuffled)) == plans
    for plan in plans:
        assert plan.packed or len(plan.files) == 1
        if plan.packed:
            assert all(entry.size <= PACK_LIMIT_BYTES for entry in plan.files)
            assert not any(entry.path.endswith("-Data.db") for entry in plan.files)


def test_an_sstable_is_its_data_and_a_pack_of_the_rest() -> None:
    files = [file(f"nb-1-big-{part}", 9) for part in ("TOC.txt", "Data.db", "Filter.db")]
    plans = list(plan_objects(TABLE, data_directory=1, files=files))
    assert [(plan.packed, len(plan.files), plan.size) for plan in plans] == [(False, 1, 9), (True, 2, 18)]
