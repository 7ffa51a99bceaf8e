# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names, keys and codecs: what other parts take for granted about them."""

from __future__ import annotations

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import names
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    ManifestError,
    NoSpaceError,
    PlanRefusedError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository import layout
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import PLAIN, Codecs

TABLE = TableRef(keyspace="certificate_manager", table="AuditLog", id="5a1c395e7ed911ef8b0a0f1c8ee0d9c1")
HOST_ID = "6d194555-f6eb-41d0-c000-000000000001"


@pytest.mark.parametrize("tag", ["backup_20260630_230203", "a", "A.b-c_d", "x" * 128])
def test_a_tag_that_fits_a_directory_and_a_key_is_taken(tag: str) -> None:
    assert names.check_tag(tag) == tag


@pytest.mark.parametrize("tag", ["", "latest", "a/b", "../x", "a..b", "-t", ".hidden", "x" * 129, "ä", "a b", "a\n"])
def test_a_tag_that_could_mean_another_place_or_thing_is_refused(tag: str) -> None:
    with pytest.raises(InputError):
        names.check_tag(tag)


@pytest.mark.parametrize(
    ("file_name", "parts"),
    [
        ("nb-1-big-Data.db", ("nb-1-big", "Data.db")),
        ("nb-3gd4_1fzy_4rqps2lv3k1xrjq0a1-big-TOC.txt", ("nb-3gd4_1fzy_4rqps2lv3k1xrjq0a1-big", "TOC.txt")),
        ("da-7-bti-Rows.db", ("da-7-bti", "Rows.db")),
        ("oa-2-big-SAI+aa+idx_status+TermsData.db", ("oa-2-big", "SAI+aa+idx_status+TermsData.db")),
        ("manifest.json", None),
        ("schema.cql", None),
    ],
)
def test_a_component_is_told_from_its_sstable(file_name: str, parts: tuple[str, str] | None) -> None:
    assert names.split_component(file_name) == parts


def test_a_table_directory_names_the_table_and_its_id() -> None:
    assert names.parse_table_directory(TABLE.keyspace, TABLE.directory) == TABLE
    assert names.parse_table_directory("ks", "snapshots") is None
    assert names.parse_table_directory("ks", ".revive") is None


def test_of_system_only_who_the_node_was_is_kept_and_none_of_it_is_restored() -> None:
    local = TableRef(keyspace="system", table="local", id="0" * 32)
    peers = TableRef(keyspace="system", table="peers_v2", id="0" * 32)
    assert names.is_backed_up(local)
    assert not names.is_backed_up(peers)
    assert not names.is_restored(local)
    assert names.is_restored(TableRef(keyspace="system_schema", table="tables", id="0" * 32))


def test_no_key_is_a_directory_of_another_and_no_part_exceeds_255_bytes() -> None:
    longest = TableRef(keyspace="k" * 222, table="t" * 222, id="0" * 32)
    keys = [layout.MARKER_KEY, layout.cluster_manifest_key("t" * 128)]
    keys += [layout.node_manifest_key("t" * 128, host_id=HOST_ID, codecs=Codecs(("zstd", "age")))]
    keys += [layout.data_key(longest, sha256="0" * 64, codecs=codecs) for codecs in (PLAIN, Codecs(("age",)))]
    for key in keys:
        assert max(len(part.encode()) for part in key.split("/")) <= 255
        assert not any(other.startswith(f"{key}/") for other in keys)


def test_a_node_manifest_key_is_read_back_with_its_codecs() -> None:
    for codecs in (PLAIN, Codecs(("zstd",)), Codecs(("age",)), Codecs(("zstd", "age"))):
        key = layout.node_manifest_key("nightly", host_id=HOST_ID, codecs=codecs)
        assert layout.parse_node_manifest_key(key) == ("nightly", HOST_ID, codecs)
    assert layout.parse_node_manifest_key("backups/nightly/manifest.json") is None
    assert layout.parse_cluster_manifest_key("backups/nightly/manifest.json") == "nightly"


def test_an_unknown_codec_or_order_is_refused_not_guessed() -> None:
    for names_ in (("gzip",), ("age", "zstd"), ("zstd", "zstd")):
        with pytest.raises(ManifestError):
            Codecs(names_)
    with pytest.raises(ManifestError):
        layout.parse_node_manifest_key(f"backups/nightly/nodes/{HOST_ID}.jsonl.lz")


def test_a_refused_plan_tells_every_reason_and_that_nothing_was_touched() -> None:
    error = PlanRefusedError(
        [NoSpaceError("n1 lacks 3 GiB.", subject="n1"), InputError("rack rX is unknown.", subject="n2")]
    )
    result = error.to_result()
    assert [reason["code"] for reason in result["reasons"]] == ["no_space", "invalid_input"]
    assert "n1 lacks 3 GiB." in error.message
    assert "rack rX is unknown." in error.message
    assert error.subject == "n1, n2"
    assert "Nothing has been touched" in error.next_step
