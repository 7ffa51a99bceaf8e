# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures on real clusters and a real S3 server; all that they start ends with the tests, also after a failure.

``--groups`` chooses by the groups of ``gate/groups.py``, of which every test here is in one.
"""

from __future__ import annotations

import contextlib
import signal
import types
import typing as t
from pathlib import Path

import pytest

from gate.groups import groups_named, groups_with, not_in_one_group
from lab.cluster import Cluster
from lab.errors import LabError
from lab.leftovers import destroy_all
from lab.node import Node
from lab.playbook import PlaybookRun, run_playbook
from lab.s3 import S3Server
from lab.writer import Writer

_HERE = Path(__file__).parent
_BASE_DIRECTORY = pytest.StashKey[Path]()


class ClusterFactory(t.Protocol):
    """Creates clusters; arguments are those of :meth:`lab.cluster.Cluster.create`, without the directory."""

    def __call__(self, *, name: str, start: bool = True, **arguments: t.Any) -> Cluster:
        """Return a new cluster, started unless ``start`` is false."""


class PlaybookRunner(t.Protocol):
    """Runs playbooks of this collection."""

    def __call__(
        self,
        name: str,
        *,
        inventory: Path,
        variables: t.Mapping[str, t.Any] | None = None,
        arguments: t.Sequence[str] = (),
        exit_status: int | None = 0,
    ) -> PlaybookRun:
        """Run ``revive.cassandra.<name>`` to its end.

        :param variables: extra variables, handed over in a file.
        :param exit_status: what the run must end with; None for any.
        """


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that chooses groups."""
    parser.addoption("--groups", help="only these groups of tests/lab, with commas between; `gate` for all of its")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests of the groups that are asked for; refuse tests of the lab that are not in exactly one."""
    wrong = not_in_one_group(item.nodeid for item in items if item.path.is_relative_to(_HERE))
    if wrong:
        raise pytest.UsageError("Each test of the lab has to be in one group of gate/groups.py.", *wrong)
    names = config.getoption("--groups")
    if names is None:
        return
    try:
        asked = set(groups_named(names.split(",")))
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error
    chosen = [item for item in items if asked.intersection(groups_with(item.nodeid))]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


@pytest.fixture(scope="session", autouse=True)
def _nothing_stays(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> t.Iterator[None]:
    """End and remove whatever still runs in any directory of the session, also when that is terminated."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    pytestconfig.stash[_BASE_DIRECTORY] = tmp_path_factory.getbasetemp()
    yield
    for root in _roots(tmp_path_factory.getbasetemp()):
        destroy_all(root)
    signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: types.FrameType | None) -> None:
    """A terminated session cleans up as an interrupted one does, and is not interrupted in that."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def lab_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of the lab that the session shares."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="session")
def s3_server(lab_root: Path) -> S3Server:
    """Return an S3 server for all tests; each takes buckets or prefixes of its own."""
    return S3Server.start(root=lab_root)


@pytest.fixture(scope="session")
def session_cluster_factory(lab_root: Path) -> t.Iterator[ClusterFactory]:
    """Create clusters that live until the end of the session: memory is for about eight nodes of 0.8 GiB at a time."""
    with _cluster_factory(root=lab_root) as factory:
        yield factory


@pytest.fixture(scope="module")
def cluster_factory(lab_root: Path) -> t.Iterator[ClusterFactory]:
    """Create clusters that live until the end of the module."""
    with _cluster_factory(root=lab_root) as factory:
        yield factory


@pytest.fixture
def ansible_playbook(tmp_path: Path) -> PlaybookRunner:
    """Run playbooks; a run that ends otherwise than expected fails the test, with all that it printed."""

    def run(
        name: str,
        *,
        inventory: Path,
        variables: t.Mapping[str, t.Any] | None = None,
        arguments: t.Sequence[str] = (),
        exit_status: int | None = 0,
    ) -> PlaybookRun:
        done = run_playbook(
            name, inventory=inventory, directory=tmp_path / "ansible", variables=variables, arguments=arguments
        )
        if exit_status is not None and done.exit_status != exit_status:
            pytest.fail(f"{name} ended with {done.exit_status}, not {exit_status}:\n{done.output}", pytrace=False)
        return done

    return run


@contextlib.contextmanager
def _cluster_factory(*, root: Path) -> t.Iterator[ClusterFactory]:
    made: list[Cluster] = []

    def create(*, name: str, start: bool = True, **arguments: t.Any) -> Cluster:
        cluster = Cluster.create(root=root, name=name, **arguments)
        made.append(cluster)
        if start:
            cluster.start()
        return cluster

    try:
        yield create
    finally:
        for cluster in made:
            _destroy(cluster=cluster, root=root)


def _destroy(*, cluster: Cluster, root: Path) -> None:
    if cluster.name in Writer.names(root):
        Writer.load(root, cluster.name).destroy()
    # A test may have destroyed it itself.
    with contextlib.suppress(LabError):
        Cluster.load(root, cluster.name).destroy()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> t.Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the end of every node's log to the report of a test that failed: of all clusters that there are then."""
    report = yield
    base = item.config.stash.get(_BASE_DIRECTORY, None)
    if report.failed and base:
        for node in _nodes_below(base):
            if node.directory.exists():
                report.sections.append((f"{node.name}: end of its log", node.log_tail()))
    return report


def _nodes_below(base: Path) -> t.Iterator[Node]:
    for root in _roots(base):
        for name in Cluster.names(root):
            with contextlib.suppress(LabError):
                yield from Cluster.load(root, name).nodes


def _roots(base: Path) -> list[Path]:
    return [root for root in base.iterdir() if root.is_dir() and not root.is_symlink()]
