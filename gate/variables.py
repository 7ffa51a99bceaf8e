# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``docs/variables.md``: all variables of all roles in one page, written from their argument specs.

``python -m gate variables`` writes it. A test of the architecture fails while it is not what the specs say.
"""

from __future__ import annotations

import collections
import re
import typing as t
from pathlib import Path

import yaml

PAGE: t.Final = Path("docs") / "variables.md"
_SPECS = "roles/*/meta/argument_specs.yml"
_CODE = re.compile(r"\b[CVOEM]\((?P<text>(?:[^()\\]|\\.)*)\)")
_LINK = re.compile(r"\bL\((?P<text>[^,]*),\s*(?P<address>[^)]*)\)")
_EMPHASIS = re.compile(r"\b[BI]\((?P<text>[^)]*)\)")
# What a role has of another role's is said once, under the name that is shared.
_SHARED_ROLES = 3
_HEAD = """# Variables

All variables of all roles, and so of all playbooks. This page is written by `python -m gate variables` from
`roles/*/meta/argument_specs.yml`; `ansible-doc -t role revive.cassandra.restore` shows the same of one role.
"""
_TYPES: t.Final = {"str": "text", "int": "number", "float": "number", "bool": "true or false", "dict": "mapping"}
_SHARED_TITLE = "Of several roles"


class Use(t.NamedTuple):
    """A variable in one entry point of a role."""

    role: str
    entry: str
    spec: t.Mapping[str, t.Any]

    @property
    def place(self) -> str:
        """The role and, unless it is the only one that is called by its name, the entry point."""
        return self.role if self.entry == "main" else f"{self.role} ({self.entry})"


def page(root: Path) -> str:
    """What the page has to say.

    :param root: the checkout.
    """
    uses = _uses(root)
    sections: dict[str, list[str]] = collections.defaultdict(list)
    for name in sorted(uses):
        roles = sorted({use.role for use in uses[name]})
        sections[_SHARED_TITLE if len(roles) >= _SHARED_ROLES else roles[0]].append(name)
    titles = sorted(sections, key=lambda title: (title != _SHARED_TITLE, title))
    parts = [_HEAD]
    for title in titles:
        parts.append(f"## {title if title == _SHARED_TITLE else f'Role `{title}`'}\n")
        parts += [_entry(name, uses[name]) for name in sections[title]]
    return "\n".join(parts)


def write(root: Path) -> None:
    """Write the page into a checkout."""
    (root / PAGE).write_text(page(root), encoding="utf-8")


def _uses(root: Path) -> dict[str, list[Use]]:
    found: dict[str, list[Use]] = collections.defaultdict(list)
    for path in sorted(root.glob(_SPECS)):
        for entry, specs in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].items():
            for name, spec in (specs.get("options") or {}).items():
                found[name].append(Use(path.parent.parent.name, entry, spec))
    return found


def _entry(name: str, uses: t.Sequence[Use]) -> str:
    """One variable: what it is, and what it says in each role, once where they say the same."""
    spec = uses[0].spec
    facts = [_type(spec)]
    if any(use.spec.get("required") for use in uses):
        facts.append("required")
    elif "default" in spec:
        facts.append(f"by default {_value(spec['default'])}")
    if spec.get("choices"):
        facts.append("one of " + ", ".join(_value(choice) for choice in spec["choices"]))
    texts: dict[str, list[str]] = collections.defaultdict(list)
    for use in uses:
        texts[_text(use.spec.get("description") or ())].append(use.place)
    lines = [f"### `{name}`\n", f"{', '.join(facts)}.\n"]
    for text, places in texts.items():
        of = f"*{', '.join(dict.fromkeys(places))}*: "
        lines.append(f"{of}{text}\n")
    return "\n".join(lines)


def _type(spec: t.Mapping[str, t.Any]) -> str:
    kind = str(spec.get("type", "str"))
    return f"list of {_TYPES.get(spec['elements'], spec['elements'])}" if "elements" in spec else _TYPES.get(kind, kind)


def _value(value: t.Any) -> str:
    if value is None or value == "":
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`"


def _text(description: str | t.Sequence[str]) -> str:
    """A description without Ansible's marks, in one paragraph."""
    sentences = [description] if isinstance(description, str) else description
    text = " ".join(" ".join(str(sentence).split()) for sentence in sentences)
    text = _CODE.sub(lambda found: f"`{found['text']}`".replace("\\", ""), text)
    text = _LINK.sub(lambda found: f"[{found['text']}]({found['address']})", text)
    return _EMPHASIS.sub(lambda found: f"*{found['text']}*", text)
