# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The architecture's rules, as functions of a file's path and text.

Each returns what is wrong and where; an empty list is a file that keeps the rule. Nothing here reads the tree, so that
``test_rules.py`` can show for each rule that it fails on a bad file, before ``test_layers.py`` holds the tree to it.
"""

from __future__ import annotations

import ast
import collections
import dataclasses
import functools
import io
import pathlib
import re
import sys
import tokenize
import typing as t

PACKAGE = "ansible_collections.revive.cassandra.plugins"
MAX_MODULE_CODE_LINES = 80
MAX_FUNCTION_LINES = 60

HEADER = (
    "# Copyright (c) 2026, the revive.cassandra authors",
    "# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)",
    "# SPDX-License-Identifier: GPL-3.0-or-later",
)

# What comes with nodes' environments (roles/node/files/requirements.txt), by the name it is imported by. A library that
# is not here is a decision to take, not an import to add. Names in one row are one library.
LIBRARIES = {
    "boto3": "boto3",
    "botocore": "boto3",
    "cassandra": "cassandra-driver",
    "obstore": "obstore",
    "pyrage": "pyrage",
    "yaml": "PyYAML",
    "zstandard": "zstandard",
}

# The world, as the standard library offers it: a decision takes what it needs to know as an argument.
# fmt: off
WORLD = frozenset([
    "asyncio", "ctypes", "ftplib", "getpass", "glob", "grp", "http", "logging", "mmap", "multiprocessing", "os",
    "pathlib", "pwd", "random", "secrets", "select", "selectors", "shutil", "signal", "smtplib", "socket", "sqlite3",
    "ssl", "subprocess", "tarfile", "tempfile", "threading", "time", "urllib", "uuid",
])
# fmt: on
WORLD_CALLS = frozenset(["open", "print", "input", "exec", "eval"])
CLOCK_CALLS = frozenset(["now", "utcnow", "today"])

DOCUMENTATION_NAMES = frozenset(["DOCUMENTATION", "EXAMPLES", "RETURN"])
VAGUE_NAME = re.compile(r"(^|_)(utils?|helpers?|common|misc)(_|$)")
# Directories that Ansible names, not we.
NAMES_OF_ANSIBLE = frozenset(["module_utils", "plugin_utils"])


@dataclasses.dataclass(frozen=True)
class Layer:
    """What the files of one directory below ``plugins`` may import.

    :ivar layers: other layers, by their directory.
    :ivar ansible: whether Ansible's own packages may be imported.
    :ivar libraries: whether the third-party libraries of :data:`LIBRARIES` may be.
    """

    layers: frozenset[str]
    ansible: bool = False
    libraries: bool = False


_CORE = "module_utils/_core"
_ADAPTERS = "module_utils/_adapters"
_OPERATIONS = "module_utils/_operations"
_RUNTIME = "module_utils/_runtime"
_AGENT = "module_utils/_agent"

LAYERS = {
    _CORE: Layer(frozenset([_CORE])),
    _ADAPTERS: Layer(frozenset([_CORE, _ADAPTERS]), libraries=True),
    _OPERATIONS: Layer(frozenset([_CORE, _ADAPTERS, _OPERATIONS])),
    _RUNTIME: Layer(frozenset([_CORE, _ADAPTERS, _RUNTIME]), ansible=True),
    _AGENT: Layer(frozenset([_CORE, _ADAPTERS, _AGENT])),
    # Of _core, the shapes and the words of what they hand on.
    "modules": Layer(frozenset([_CORE, _OPERATIONS, _RUNTIME])),
    "doc_fragments": Layer(frozenset()),
    # These run on the controller, inside Ansible.
    **{
        directory: Layer(frozenset([_CORE, "plugin_utils"]), ansible=True)
        for directory in ("action", "callback", "filter", "inventory", "lookup", "plugin_utils", "test", "vars")
    },
}

#: The rooms inside ``_core`` and ``_operations``, from the ground up: each may use those before it, never those after
#: it, and those that stand together may not use each other. What lies beside the rooms is the ground of all of them.
CAPABILITIES = (
    frozenset(["cassandra"]),
    frozenset(["repository"]),
    frozenset(["backup", "archive"]),
    frozenset(["restore"]),
    frozenset(["tables"]),
)
#: What the agent takes to nodes (plugins/lookup/agent_package.py) ends here.
_AGENT_USES_UP_TO = "archive"


@dataclasses.dataclass(frozen=True)
class Violation:
    """A rule that a file breaks, and where."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


@dataclasses.dataclass(frozen=True)
class Source:
    """A Python file.

    :ivar path: below the checkout, with slashes.
    """

    path: str
    text: str

    @functools.cached_property
    def tree(self) -> ast.Module:
        """The file, parsed."""
        return ast.parse(self.text, self.path)

    def wrong(self, where: ast.AST | int, what: str) -> Violation:
        """A violation at a line or a node of this file."""
        return Violation(self.path, where if isinstance(where, int) else getattr(where, "lineno", 1), what)


@dataclasses.dataclass(frozen=True)
class Import:
    """One imported name, in full: ``from a import b`` imports ``a.b``, which may be a module or something in it."""

    node: ast.Import | ast.ImportFrom
    name: str

    @property
    def top(self) -> str:
        """The name before the first dot."""
        return self.name.partition(".")[0]


def imports(source: Source) -> t.Iterator[Import]:
    """All absolute imports of a file, wherever they stand: AnsiballZ ships those under TYPE_CHECKING, too."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (Import(node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (Import(node, f"{node.module}.{alias.name}") for alias in node.names)


def layer_of(path: str) -> str | None:
    """The key of :data:`LAYERS` that a path below ``plugins`` belongs to."""
    below = path.partition("plugins/")[2]
    return next((layer for layer in LAYERS if below.startswith(f"{layer}/")), None)


def imports_only_what_its_layer_may(source: Source) -> list[Violation]:
    """Dependencies point down only."""
    name = layer_of(source.path)
    if name is None:
        return [source.wrong(1, "belongs to no layer; see LAYERS in tests/architecture/rules.py")]
    layer = LAYERS[name]
    return [
        source.wrong(found.node, f"{name} may not import {found.name}")
        for found in imports(source)
        if not _may_import(layer, found)
    ]


def capabilities_point_left(source: Source) -> list[Violation]:
    """A room uses those before it: what a backup is does not depend on how it is restored."""
    layer = layer_of(source.path)
    if layer not in (_CORE, _OPERATIONS, _AGENT):
        return []
    own = _AGENT_USES_UP_TO if layer == _AGENT else _capability(source.path)
    return [
        source.wrong(found.node, f"{own or 'the ground'} may not use {used}: it comes after it or stands beside it")
        for found in imports(source)
        if (used := _capability(f"plugins/{found.name[len(PACKAGE) + 1 :].replace('.', '/')}/"))
        if found.name.startswith(f"{PACKAGE}.") and used != own and _rank(used) >= _rank(own)
    ]


def _capability(path: str) -> str:
    """The room that a path below ``plugins`` lies in; empty for the ground and what has no rooms."""
    layer = layer_of(path)
    room = path.partition(f"{layer}/")[2].partition("/")[0]
    return room if layer in (_CORE, _OPERATIONS) and _rank(room) >= 0 else ""


def _rank(room: str) -> int:
    return next((rank for rank, rooms in enumerate(CAPABILITIES) if room in rooms), -1)


def _may_import(layer: Layer, found: Import) -> bool:
    if found.name.startswith(f"{PACKAGE}."):
        path = found.name[len(PACKAGE) + 1 :].replace(".", "/")
        return any(f"{path}/".startswith(f"{allowed}/") for allowed in layer.layers)
    if found.top in ("ansible", "ansible_collections", "jinja2"):
        return layer.ansible and found.top != "ansible_collections"
    if found.top in LIBRARIES:
        return layer.libraries
    return found.top in sys.stdlib_module_names


def only_the_runtime_knows_ansible_module(source: Source) -> list[Violation]:
    """``AnsibleModule`` and its module are imported below ``_runtime`` only."""
    if layer_of(source.path) == _RUNTIME:
        return []
    return [
        source.wrong(found.node, f"{found.name} is imported in _runtime only")
        for found in imports(source)
        if f"{found.name}.".startswith("ansible.module_utils.basic.")
    ]


def core_stays_out_of_the_world(source: Source) -> list[Violation]:
    """``_core`` decides: it reads no file, opens no socket, starts no process, looks at no clock."""
    if layer_of(source.path) != _CORE:
        return []
    wrong = [
        source.wrong(found.node, f"_core may not import {found.name}: it touches the world")
        for found in imports(source)
        if found.top in WORLD
    ]
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in WORLD_CALLS:
            wrong.append(source.wrong(node, f"_core may not call {node.func.id}()"))
        elif isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_CALLS:
            wrong.append(source.wrong(node, f"_core may not ask for the time: .{node.func.attr}()"))
    return wrong


def imports_are_absolute(source: Source) -> list[Violation]:
    """mypy and AnsiballZ know a file by its full name."""
    return [
        source.wrong(node, "relative import")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]


def each_library_is_imported_in_one_file(sources: t.Iterable[Source]) -> list[Violation]:
    """So that what happens without it, or with another version of it, is decided in one place."""
    importers: dict[str, dict[str, Violation]] = collections.defaultdict(dict)
    for source in sources:
        for found in imports(source):
            if found.top in LIBRARIES:
                library = LIBRARIES[found.top]
                importers[library].setdefault(source.path, source.wrong(found.node, ""))
    return [
        dataclasses.replace(place, what=f"{library} is imported in {len(places)} files: {', '.join(sorted(places))}")
        for library, places in importers.items()
        if len(places) > 1
        for place in places.values()
    ]


def functions_fit_a_screen(source: Source) -> list[Violation]:
    """Counted from ``def`` to the last line, without the docstring."""
    return [
        source.wrong(node, f"{node.name} has {lines} lines, more than {MAX_FUNCTION_LINES}")
        for node in ast.walk(source.tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if (lines := _line_count(node) - sum(map(_line_count, _docstrings(node)))) > MAX_FUNCTION_LINES
    ]


def _line_count(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _docstrings(node: ast.AST) -> list[ast.stmt]:
    """The docstring of a definition or a module, as a statement: none or one."""
    first = next(iter(getattr(node, "body", [])), None)
    is_text = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return [first] if isinstance(first, ast.Expr) and is_text else []


def runs_on_nodes(source: Source) -> bool:
    """Whether a module is a program for nodes; the others only document an action plugin of their name."""
    return any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in source.tree.body)


def modules_are_thin(source: Source) -> list[Violation]:
    """A module is its options, one call and its result."""
    lines = code_lines(source)
    if lines <= MAX_MODULE_CODE_LINES:
        return []
    return [source.wrong(1, f"{lines} lines of code, more than {MAX_MODULE_CODE_LINES}")]


def code_lines(source: Source) -> int:
    """Lines that hold code: no comments, blank lines, docstrings, nor a module's documentation."""
    tree = source.tree
    prose: set[int] = set()
    for node in ast.walk(tree):
        statements = _docstrings(node) if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) else []
        if isinstance(node, ast.Assign) and documentation_name(node):
            statements = [node]
        for statement in statements:
            prose.update(range(statement.lineno, (statement.end_lineno or statement.lineno) + 1))
    blank = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type not in blank:
            code.update(range(token.start[0], token.end[0] + 1))
    return len(code - prose)


def documentation_name(node: ast.Assign) -> str:
    """Which part of a module's documentation an assignment is; empty if none."""
    target = node.targets[0]
    return target.id if isinstance(target, ast.Name) and target.id in DOCUMENTATION_NAMES else ""


def documentation(source: Source) -> dict[str, str]:
    """A module's ``DOCUMENTATION``, ``EXAMPLES`` and ``RETURN``, as text."""
    return {
        name: str(ast.literal_eval(node.value))
        for node in source.tree.body
        if isinstance(node, ast.Assign) and (name := documentation_name(node))
    }


def fragments(source: Source) -> dict[str, str]:
    """The parts of a documentation fragment's file, as text, by the name that modules extend.

    :raises ValueError: a part is not a plain string; ansible-test's yamllint cannot read it either.
    """
    name = pathlib.PurePosixPath(source.path).stem
    return {
        f"{name}.{target.id.lower()}".removesuffix(".documentation"): str(ast.literal_eval(node.value))
        for definition in source.tree.body
        if isinstance(definition, ast.ClassDef)
        for node in definition.body
        if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name)
    }


def attributes_are_promised(source: Source, documented: t.Mapping[str, t.Any]) -> list[Violation]:
    """Every module says how far check mode and diff go.

    :param documented: its ``DOCUMENTATION``, parsed, with the attributes of the fragments that it extends.
    """
    attributes = documented.get("attributes") or {}
    levels = ("full", "partial", "none", "N/A")
    wrong = [
        source.wrong(1, f"attributes.{name}.support is to be one of {', '.join(levels)}")
        for name in ("check_mode", "diff_mode")
        if (attributes.get(name) or {}).get("support") not in levels
    ]
    if (attributes.get("check_mode") or {}).get("support") == "none":
        wrong.append(source.wrong(1, "every module has a true check mode"))
    return wrong


def no_error_is_swallowed(source: Source) -> list[Violation]:
    """Whoever catches everything does something about it."""
    wrong = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and _catches_all(node.type) and all(map(_is_nothing, node.body)):
            wrong.append(source.wrong(node, "catches everything and does nothing"))
        elif isinstance(node, ast.Call) and _last_name(node.func) == "suppress" and any(map(_catches_all, node.args)):
            wrong.append(source.wrong(node, "suppresses everything"))
    return wrong


def _catches_all(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(map(_catches_all, caught.elts))
    return caught is None or _last_name(caught) in ("Exception", "BaseException")


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.Pass, ast.Continue)) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def has_header(source: Source) -> list[Violation]:
    """Copyright and licence, readable by machines, at the top (below ``#!`` where there is one)."""
    lines = source.text.splitlines()
    if lines and lines[0].startswith("#!"):
        lines = lines[1:]
    if not source.text.strip() or tuple(lines[: len(HEADER)]) == HEADER:
        return []
    return [source.wrong(1, "does not begin with the three lines of HEADER in tests/architecture/rules.py")]


def name_says_something(path: str) -> list[Violation]:
    """What a file holds is in its name, and so are its directories'."""
    words = [part.partition(".")[0] for part in pathlib.PurePosixPath(path).parts]
    vague = [word for word in words if word not in NAMES_OF_ANSIBLE and VAGUE_NAME.search(word)]
    return [Violation(path, 1, f"{word!r} does not say what is in it") for word in vague]
