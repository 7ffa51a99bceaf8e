# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every object store has to do, whatever is behind the port; the test modules bring the stores."""

from __future__ import annotations

import itertools
import threading
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ObjectMissingError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectInfo, ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import PROBE_KEY

MIB = 1024 * 1024


def pieces(size: int, *, piece: int = MIB) -> t.Iterator[bytes]:
    """Bytes that differ from piece to piece."""
    for number in itertools.count():
        left = size - number * piece
        if left <= 0:
            return
        yield bytes([number % 251]) * min(piece, left)


class ObjectStoreContract:
    """Needs a fixture ``store`` that is empty.

    :cvar many: objects of a listing; stores answer with up to 1,000 at once.
    """

    many: t.ClassVar[int] = 1203

    def test_what_was_put_is_there(self, store: ObjectStore) -> None:
        store.put("a/b", b"content")
        assert store.get("a/b") == b"content"
        assert store.head("a/b") == ObjectInfo(key="a/b", size=7)

    def test_the_store_says_when_an_object_was_stored_last(self, store: ObjectStore) -> None:
        store.put("a", b"first")
        (first,) = store.list("")
        assert first.modified_us > 1_700_000_000_000_000
        head = store.head("a")
        assert head
        # Of some, the answer to one object has whole seconds.
        assert abs(head.modified_us - first.modified_us) < 1_000_000
        store.put("a", b"second")
        assert next(iter(store.list(""))).modified_us >= first.modified_us

    def test_an_empty_object_is_an_object(self, store: ObjectStore) -> None:
        store.put("empty", b"")
        assert store.get("empty") == b""
        assert store.put_stream("streamed", iter(()), size=0) == 0
        assert [entry.size for entry in store.list("")] == [0, 0]

    def test_put_replaces(self, store: ObjectStore) -> None:
        store.put("a", b"first")
        store.put("a", b"second")
        assert store.get("a") == b"second"

    def test_put_new_stores_once(self, store: ObjectStore) -> None:
        assert store.put_new("a", b"first")
        assert not store.put_new("a", b"second")
        assert store.get("a") == b"first"

    def test_of_many_at_once_one_puts_new(self, store: ObjectStore) -> None:
        won: list[int] = []

        def put(number: int) -> None:
            if store.put_new("raced", str(number).encode()):
                won.append(number)

        threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [str(number).encode() for number in won] == [store.get("raced")]

    def test_the_store_has_conditional_puts(self, store: ObjectStore) -> None:
        assert store.refuses_second_put(PROBE_KEY)
        assert store.refuses_second_put(PROBE_KEY), "what an earlier probe left does not matter"

    @pytest.mark.parametrize("size", [1, MIB, 8 * MIB, 8 * MIB + 1, 21 * MIB + 5])
    def test_a_stream_arrives_whole(self, store: ObjectStore, size: int) -> None:
        assert store.put_stream("large", pieces(size), size=size) == size
        assert b"".join(store.get_stream("large")) == b"".join(pieces(size))
        assert store.head("large") == ObjectInfo(key="large", size=size)

    def test_a_stream_of_unknown_size_arrives_whole(self, store: ObjectStore) -> None:
        assert store.put_stream("large", pieces(17 * MIB, piece=300_000), size=None) == 17 * MIB
        assert store.get("large") == b"".join(pieces(17 * MIB, piece=300_000))

    @pytest.mark.parametrize("after", [0, 3 * MIB, 20 * MIB])
    def test_of_a_stream_that_fails_nothing_is_seen_and_the_error_goes_on(self, store: ObjectStore, after: int) -> None:
        def failing() -> t.Iterator[bytes]:
            yield from pieces(after)
            raise LookupError("the file changed")

        with pytest.raises(LookupError, match="the file changed"):
            store.put_stream("failed", failing(), size=64 * MIB)
        assert store.head("failed") is None
        assert list(store.list("")) == []

    def test_large_objects_are_read_in_pieces(self, store: ObjectStore) -> None:
        store.put_stream("large", pieces(40 * MIB), size=40 * MIB)
        assert max(len(chunk) for chunk in store.get_stream("large")) <= 8 * MIB

    def test_what_is_not_there_is_said_by_its_name(self, store: ObjectStore) -> None:
        assert store.head("no/such") is None
        with pytest.raises(ObjectMissingError, match="no/such"):
            store.get("no/such")
        with pytest.raises(ObjectMissingError, match="no/such"):
            next(store.get_stream("no/such"))

    def test_a_listing_has_all_keys_below_a_prefix_in_order(self, store: ObjectStore) -> None:
        keys = ["data/k/t-1/a", "data/k/t-1/b.age", "data/k/t-10/a", "data/k/u-1/a", "dat", "z"]
        for key in keys:
            store.put(key, key.encode())
        assert [entry.key for entry in store.list("data/k/t-1/")] == ["data/k/t-1/a", "data/k/t-1/b.age"]
        assert {entry.key for entry in store.list("")} == set(keys)
        assert list(store.list("nothing/")) == []
        assert all(entry.size == len(entry.key) for entry in store.list(""))

    def test_a_listing_goes_over_pages(self, store: ObjectStore) -> None:
        keys = [f"many/{number:05d}" for number in range(self.many)]
        for key in keys:
            store.put(key, b"x")
        assert [entry.key for entry in store.list("many/")] == keys
