# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules take of a restore of tables, as plain values."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables import model

Values = t.Mapping[str, t.Any]


def selection(params: Values) -> model.Selection:
    """Which tables a module's options mean, and what is to become of them.

    :raises InputError: if the replicas are not numbers.
    """
    try:
        replication = tuple(sorted((str(name), int(factor)) for name, factor in params["replication"].items()))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"These are not numbers of replicas: {params['replication']}.",
            subject="replication",
            next_step="Give the replicas in each datacenter, such as dc1: 3.",
        ) from error
    return model.Selection(
        keyspaces=tuple(params["keyspaces"]),
        tables=tuple(params["tables"]),
        mode=params["mode"],
        into_keyspace=params["into_keyspace"],
        suffix=params["suffix"],
        roles=params["roles"],
        reshape=params["reshape"],
        datacenters=tuple(sorted((str(old), str(new)) for old, new in params["datacenters"].items())),
        replication=replication,
        confirm_cluster=params["confirm_cluster"],
        past_gc_grace=params["past_gc_grace"],
    )


def staged_tables(values: Values) -> tuple[model.StagedTables, ...]:
    """What staging returned, by the node's name.

    :raises InputError: if one is something else.
    """
    return tuple(model.StagedTables.from_result(str(name), value) for name, value in values.items())
