# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks and ports that labs beside each other take: nobody gets what another one has."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from lab.addresses import release_network, reserve_network, reserve_port

_ADDRESS = "127.0.0.1"


@pytest.fixture(autouse=True)
def _cache(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def owners(tmp_path: pathlib.Path) -> t.Sequence[pathlib.Path]:
    """The directories of three clusters or servers."""
    directories = [tmp_path / name for name in ("first", "second", "third")]
    for directory in directories:
        directory.mkdir()
    return directories


def test_each_owner_has_a_network_of_its_own(owners: t.Sequence[pathlib.Path]) -> None:
    networks = [reserve_network(owner=owner) for owner in owners]
    assert len({network.number for network in networks}) == len(owners)
    addresses = {network.address(node=1) for network in networks} | {
        network.staging_address(node=1) for network in networks
    }
    assert len(addresses) == 2 * len(owners)


def test_each_owner_has_a_port_of_its_own(owners: t.Sequence[pathlib.Path]) -> None:
    assert len({reserve_port(owner=owner, address=_ADDRESS) for owner in owners}) == len(owners)


def test_what_was_given_back_or_whose_owner_is_gone_is_free(owners: t.Sequence[pathlib.Path]) -> None:
    first, second, third = owners
    network = reserve_network(owner=first)
    release_network(network=network, owner=first)
    assert reserve_network(owner=second) == network
    second.rmdir()
    assert reserve_network(owner=third) == network


def test_what_another_one_has_by_now_is_not_given_back(owners: t.Sequence[pathlib.Path]) -> None:
    """A cluster is destroyed, and another one takes its network before it is given back."""
    first, second, third = owners
    network = reserve_network(owner=first)
    first.rmdir()
    assert reserve_network(owner=second) == network
    release_network(network=network, owner=first)
    assert reserve_network(owner=third) != network
