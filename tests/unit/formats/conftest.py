# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each test here reads what every release has written, and what the code writes now."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from tests.unit.formats.trees import contents, lay_out, pack
from tests.unit.formats.writing import TREES

HERE = pathlib.Path(__file__).parent
NOW = "now"
RELEASES = sorted(path.name for path in HERE.iterdir() if path.name[0].isdigit())

Tree = t.Callable[[str], pathlib.Path]
Bucket = t.Callable[[str], ObjectStore]


@pytest.fixture(params=[*RELEASES, NOW])
def release(request: pytest.FixtureRequest) -> str:
    """Who wrote what is read."""
    return str(request.param)


@pytest.fixture(scope="session")
def written_now(tmp_path_factory: pytest.TempPathFactory) -> t.Callable[[str], pathlib.Path]:
    """The trees that the code writes now, each written when it is first asked for."""
    kept = tmp_path_factory.mktemp("written")

    def write(name: str) -> pathlib.Path:
        path = kept / f"{name}.tar.gz"
        if not path.exists():
            root = tmp_path_factory.mktemp(name)
            TREES[name](root)
            pack(root, into=path)
        return path

    return write


@pytest.fixture
def kept(release: str, written_now: t.Callable[[str], pathlib.Path]) -> t.Callable[[str], pathlib.Path]:
    """The archive of a tree by its name."""
    return lambda name: written_now(name) if release == NOW else HERE / release / f"{name}.tar.gz"


@pytest.fixture
def tree(kept: t.Callable[[str], pathlib.Path], tmp_path: pathlib.Path) -> Tree:
    """Lays out a tree by its name; where it lies."""
    return lambda name: lay_out(kept(name), root=tmp_path / name)


@pytest.fixture
def bucket(kept: t.Callable[[str], pathlib.Path]) -> Bucket:
    """A store with the objects of a tree's bucket, by the tree's name."""

    def filled(name: str) -> ObjectStore:
        store = open_memory_store()
        for path, body in contents(kept(name)).items():
            if path.startswith("bucket/"):
                store.put(path[len("bucket/") :], body)
        return store

    return filled


@pytest.fixture(autouse=True)
def _without_fsync() -> t.Iterator[None]:
    """Nothing here pulls the plug, and the disk is shared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        yield
