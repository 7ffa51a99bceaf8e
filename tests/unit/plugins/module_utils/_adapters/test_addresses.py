# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's addresses are those that Cassandra takes from its configuration and its machine."""

from __future__ import annotations

import dataclasses
import pathlib
import socket

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import addresses
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.addresses import NodeAddresses, node_addresses
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import NodeConfig, read_config
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError

_TEXT = """\
data_file_directories: [/data]
commitlog_directory: /commitlog
hints_directory: /hints
saved_caches_directory: /caches
"""
#: As Linux lists them, with two addresses of one interface; Java lists the last first.
_IPV6 = """\
00000000000000000000000000000001 01 80 10 80       lo
fd000000000000000000000000000002 04 40 00 82     eth0
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
"""


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """Calls itself 10.0.0.7, and has that address and 10.0.0.8."""
    (tmp_path / "if_inet6").write_text(_IPV6)
    monkeypatch.setattr(addresses, "_IPV6_ADDRESSES", tmp_path / "if_inet6")
    monkeypatch.setattr(socket, "gethostname", lambda: "10.0.0.7")
    monkeypatch.setattr(addresses, "is_own", lambda name: name in ("10.0.0.7", "10.0.0.8"))


def _config(tmp_path: pathlib.Path, settings: str) -> NodeConfig:
    path = tmp_path / "cassandra.yaml"
    path.write_text(_TEXT + settings + "\n")
    return read_config(str(path))


@pytest.mark.parametrize(
    ("settings", "listen", "broadcast", "native"),
    [
        ("", "10.0.0.7", "10.0.0.7", "10.0.0.7"),
        ("listen_address:", "10.0.0.7", "10.0.0.7", "10.0.0.7"),
        ("listen_address: ''", "127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("listen_address: 10.0.0.5", "10.0.0.5", "10.0.0.5", "10.0.0.5"),
        ("listen_address: localhost", "127.0.0.1", "127.0.0.1", "localhost"),
        ("listen_address: 10.0.0.5\nbroadcast_address: 203.0.113.5", "10.0.0.5", "203.0.113.5", "10.0.0.5"),
        ("listen_address: 'fd00::0a:1'", "fd00::a:1", "fd00:0:0:0:0:0:a:1", "fd00::0a:1"),
        ("listen_interface: lo", "127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("listen_interface: lo\nlisten_interface_prefer_ipv6: yes", "::1", "0:0:0:0:0:0:0:1", "::1"),
        ("rpc_interface: lo", "10.0.0.7", "10.0.0.7", "127.0.0.1"),
        ("rpc_interface: lo\nrpc_interface_prefer_ipv6: true", "10.0.0.7", "10.0.0.7", "::1"),
        ("rpc_address: localhost", "10.0.0.7", "10.0.0.7", "localhost"),
        ("rpc_address: 10.0.0.8\nbroadcast_rpc_address: 203.0.113.8", "10.0.0.7", "10.0.0.7", "10.0.0.8"),
        ("rpc_address: 0.0.0.0\nbroadcast_rpc_address: 203.0.113.8", "10.0.0.7", "10.0.0.7", "10.0.0.7"),
        ("rpc_address: 0.0.0.0\nbroadcast_rpc_address: 10.0.0.8", "10.0.0.7", "10.0.0.7", "10.0.0.8"),
        ("rpc_address: '::'\nlisten_address: 10.0.0.8", "10.0.0.8", "10.0.0.8", "10.0.0.8"),
    ],
)
def test_the_file_says_where_the_node_listens_and_clients_are_sent_where_it_does(
    tmp_path: pathlib.Path, settings: str, listen: str, broadcast: str, native: str
) -> None:
    found = node_addresses(_config(tmp_path, settings))
    assert found == NodeAddresses(listen=listen, broadcast=broadcast, native=native)


def test_what_the_inventory_says_counts_more_than_an_interface_that_is_not_there(tmp_path: pathlib.Path) -> None:
    config = _config(tmp_path, "listen_interface: nope0")
    with pytest.raises(LocalFilesError, match=r"listen_interface in .* is nope0.*listen_address"):
        node_addresses(config)
    assert node_addresses(config, listen_address="10.0.0.9").listen == "10.0.0.9"
    with pytest.raises(LocalFilesError, match=r"rpc_interface in .* is nope0"):
        node_addresses(dataclasses.replace(config, listen_interface=None, rpc_interface="nope0"))


@pytest.mark.parametrize("kind", ["listen", "rpc"])
def test_an_interface_beside_an_address_is_refused_as_by_cassandra(tmp_path: pathlib.Path, kind: str) -> None:
    with pytest.raises(LocalFilesError, match=f"line 5: {kind}_interface eth0 is set beside {kind}_address"):
        _config(tmp_path, f"{kind}_interface: eth0\n{kind}_address: 10.0.0.5")


def test_an_interface_has_its_addresses_in_the_order_of_java() -> None:
    assert addresses.interface_addresses("lo") == ("::1", "127.0.0.1")
    assert addresses.interface_addresses("eth0")[:2] == ("fe80::fc:ff:fe00:1%eth0", "fd00::2")
    assert addresses.interface_addresses("an-interface-that-cannot-be") == ()


def test_a_machine_whose_name_has_no_address_has_none(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "no such name")
    found = node_addresses(_config(tmp_path, ""))
    assert found == NodeAddresses(listen=None, broadcast=None, native=None)


def test_an_address_of_this_machine_is_known_without_sending_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert addresses.is_own("127.0.0.1")
    assert addresses.is_own("localhost")
    assert not addresses.is_own("192.0.2.77")
    assert not addresses.is_own("no such name")
