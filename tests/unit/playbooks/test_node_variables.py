# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules can be told of how a node lets in, every role can be told, in the same words."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.jmx import java_options
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import cql_arguments, node_arguments

ROLES = pathlib.Path(__file__).resolve().parents[3] / "roles"
JMX = sorted(name for name in node_arguments().options if name.startswith("jmx_"))
CQL = sorted(
    name
    for name in cql_arguments().options
    if name.startswith("cql_") and not name.endswith(("_consistency", "_seconds"))
)


def _entry_points(having: str) -> list[t.Any]:
    return [
        pytest.param(spec["options"], id=f"{path.parts[-3]}.{name}")
        for path in sorted(ROLES.glob("*/meta/argument_specs.yml"))
        for name, spec in yaml.safe_load(path.read_text())["argument_specs"].items()
        if having in (spec.get("options") or {})
    ]


@pytest.mark.parametrize("options", _entry_points("cassandra_jmx_username"))
def test_who_asks_nodetool_can_be_told_all_that_it_needs(options: dict[str, t.Any]) -> None:
    assert [name for name in JMX if f"cassandra_{name}" not in options] == []


@pytest.mark.parametrize("options", _entry_points("cassandra_cql_username"))
def test_who_asks_over_cql_can_be_told_all_that_it_needs(options: dict[str, t.Any]) -> None:
    assert [name for name in CQL if f"cassandra_{name}" not in options] == []


def _value(role: str, name: str, **variables: t.Any) -> t.Any:
    loader = DataLoader()
    values = loader.load_from_file(str(ROLES / role / "vars" / "main.yml"), trusted_as_template=True)
    return Templar(loader, variables={**values, "inventory_hostname": "n1", **variables}).template(values[name])


def test_roles_hand_it_on_to_modules() -> None:
    given = {f"cassandra_{name}": f"/etc/{name}" for name in (*JMX, *CQL) if name != "cql_verify_hostname"}
    handed_on = {**_value("node", "node_module_options", **given), **_value("node", "node_login", **given)}
    assert {name: handed_on[name] for name in JMX + CQL} == {
        **{name: f"/etc/{name}" for name in JMX + CQL},
        "cql_verify_hostname": True,
    }
    assert "native_port" not in handed_on
    assert _value("node", "node_login", cassandra_native_port="9142")["native_port"] == 9142


def test_the_drain_before_a_stop_uses_tls_as_modules_do() -> None:
    path = "/etc/our jmx.properties"
    environment = _value("service", "_service_nodetool_environment", cassandra_jmx_ssl_properties_file=path)
    assert environment == {"JDK_JAVA_OPTIONS": java_options(path)}
    assert _value("service", "_service_nodetool_environment") == {}
    (stop,) = (
        block
        for block in yaml.safe_load((ROLES / "service" / "tasks" / "stop.yml").read_text())
        if block["name"] == "Stop Cassandra"
    )
    assert stop["block"][0]["environment"] == "{{ _service_nodetool_environment }}"
