# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that put together what the hosts of a play have registered."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleError

from ansible_collections.revive.cassandra.plugins.filter.together import FilterModule, by_host

HOSTVARS = {
    "n1": {"node_info": {"node": {"identity": {"host_id": "a"}}}},
    "n2": {"node_info": {"node": {"identity": None}}},
    "n3": {"node_info": {"unreachable": True}},
    "n4": {},
}


def test_a_value_of_each_host_and_none_where_it_is_not_there() -> None:
    path = ("node_info", "node", "identity", "host_id")
    assert by_host(HOSTVARS, ["n1", "n2", "n3", "n4"], *path) == {"n1": "a", "n2": None, "n3": None, "n4": None}


def test_the_variable_itself_without_a_way_into_it() -> None:
    assert by_host(HOSTVARS, ["n3", "n4"], "node_info") == {"n3": {"unreachable": True}, "n4": None}


def test_a_host_that_there_is_not_is_an_error() -> None:
    with pytest.raises(AnsibleError, match="n5"):
        by_host(HOSTVARS, ["n5"], "node_info")


def test_every_filter_of_the_file_is_known_to_ansible() -> None:
    assert set(FilterModule().filters()) == {
        "agent_problems",
        "by_host",
        "problems",
        "ring_problems",
        "schema_problems",
    }
