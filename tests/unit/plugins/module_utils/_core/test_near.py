# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A mistyped name is answered with the names that are near."""

from __future__ import annotations

from ansible_collections.revive.cassandra.plugins.module_utils._core.near import did_you_mean, near


def test_what_is_nearest_comes_first_whatever_its_case() -> None:
    known = ["shop.Orders", "shop.order_lines", "stock.items"]
    assert near("shop.ordesr", known)[0] == "shop.Orders"
    assert near("zzz", known) == ()
    assert near("shop.new", known) == (), "all tables of a keyspace are near"


def test_it_is_asked_only_where_something_is_near() -> None:
    assert did_you_mean("nigthly", ["nightly", "weekly"]) == "Did you mean nightly? "
    assert did_you_mean("nigthly", []) == ""
