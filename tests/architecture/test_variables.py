# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of all variables is what the roles' argument specs say."""

from __future__ import annotations

import json
from pathlib import Path

from gate import variables

_ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date() -> None:
    written = (_ROOT / variables.PAGE).read_text(encoding="utf-8")
    assert written == variables.page(_ROOT), "run `python -m gate variables`"


def test_marks_and_defaults_become_what_people_read(tmp_path: Path) -> None:
    for role in ("backup", "restore"):
        option = {"type": "str", "default": "5%", "description": ["Not for V(x).", f"In {role}."]}
        specs = tmp_path / "roles" / role / "meta" / "argument_specs.yml"
        specs.parent.mkdir(parents=True)
        specs.write_text(json.dumps({"argument_specs": {"main": {"options": {"disk_reserve": option}}}}))
    text = variables.page(tmp_path)
    assert "## Role `backup`\n\n### `disk_reserve`\n\ntext, by default `5%`.\n" in text
    assert text.count("### `disk_reserve`") == 1
    assert "*backup*: Not for `x`. In backup.\n" in text
    assert "*restore*: Not for `x`. In restore.\n" in text
