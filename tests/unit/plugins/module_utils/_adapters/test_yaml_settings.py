# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values are what Cassandra's own loader makes of them; what is expected here is what 4.0.19, 4.1.10 and 5.0.9 said."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import yaml_settings
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.yaml_settings import parse_settings
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import DependencyError, LocalFilesError

PATH = "/etc/cassandra/cassandra.yaml"


def _settings(text: str) -> yaml_settings.YamlSettings:
    return parse_settings(text, path=PATH)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        *((each, True) for each in ("true", "yes", "on", "tRUE", "'yes'", "On  # a comment")),
        *((each, False) for each in ("false", "no", "off", "Off", '"NO"')),
    ],
)
def test_a_switch_is_read_as_yaml_1_1_does_quoted_or_not(written: str, *, expected: bool) -> None:
    assert _settings(f"a: 1\ncdc_enabled: {written}\n").flag("cdc_enabled", default=not expected) is expected


@pytest.mark.parametrize("written", ["", "~", "null", "y", "1", "maybe", "${CDC}", "[true]", "{a: true}", "!foo true"])
def test_a_switch_that_is_neither_on_nor_off_is_refused_with_its_line(written: str) -> None:
    with pytest.raises(LocalFilesError, match=r"/cassandra\.yaml, line 2: cdc_enabled "):
        _settings(f"a: 1\ncdc_enabled: {written}\n").flag("cdc_enabled", default=False)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("16", 16),
        ("'16'", 16),
        ("+16", 16),
        ("-3", -3),
        ("-0", 0),
        ("010", 8),
        ("0x10", 16),
        ("0b11", 3),
        ("1_6", 16),
        ("1:30", 90),
        ("!!int '16'", 16),
        ("", None),
        ("~", None),
    ],
)
def test_a_number_is_read_as_cassandra_reads_it(written: str, expected: int | None) -> None:
    assert _settings(f"num_tokens: {written}\n").number("num_tokens") == expected


@pytest.mark.parametrize(
    "written", ["${TOKENS}", "16.0", "'16 '", "0o17", "yes", "9,042", "0.", "08", "99999999999", "[16]", "١٦"]
)
def test_what_is_not_a_number_is_refused_with_its_line_and_value(written: str) -> None:
    with pytest.raises(LocalFilesError, match=r"/cassandra\.yaml, line 3: num_tokens ") as refused:
        _settings(f"# a comment\na: 1\nnum_tokens: {written}\n").number("num_tokens")
    assert ("Cassandra replaces no variables" in str(refused.value)) == (written == "${TOKENS}")


def test_an_octal_port_is_that_port_and_what_cannot_be_one_is_refused() -> None:
    assert _settings("port: 07000\n").port("port", default=1) == 3584
    assert _settings("a: 1\n").port("port", default=1) == 1
    for written in ("70000", "-1", "${PORT}", "", "~"):
        with pytest.raises(LocalFilesError, match="line 1: port "):
            _settings(f"port: {written}\n").port("port", default=1)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        *((each, each) for each in ("no", "0123", "1e3", "2001-01-01", "1:30", "on", "1,2,3")),
        ("'null'", "null"),
        ("''", ""),
        ("-9,\n  0,\n  9", "-9, 0, 9"),
        ('"-9,\n  0"', "-9, 0"),
        ("32MiB", "32MiB"),
        ("", None),
        ("null", None),
        ("~", None),
    ],
)
def test_a_text_stays_what_is_written(written: str, expected: str | None) -> None:
    assert _settings(f"cluster_name: {written}\n").text("cluster_name") == expected


@pytest.mark.parametrize("written", ["/a", "/a,/b", "'[/a, /b]'", "{a: /b}", "[/a, ]\n\n", "[~, /b]", "[[/a]]"])
def test_a_list_is_a_list_and_each_entry_has_a_value(written: str) -> None:
    text = f"data_file_directories: {written}\n"
    if "/a, ]" in written:
        assert _settings(text).texts("data_file_directories") == ("/a",)
        return
    with pytest.raises(LocalFilesError, match="line 1: data_file_directories "):
        _settings(text).texts("data_file_directories")


def test_of_a_setting_that_is_there_twice_the_last_counts() -> None:
    settings = _settings("num_tokens: 16\ngroup: {a: 1, a: 2}\nnum_tokens: 32\n")
    assert settings.number("num_tokens") == 32
    assert settings.plain() == {"num_tokens": 32, "group": {"a": 2}}


def test_merged_and_shared_values_are_read() -> None:
    settings = _settings("<<: {num_tokens: 16}\nport: &p 16\nother: *p\n")
    assert (settings.number("num_tokens"), settings.number("other")) == (16, 16)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: 1\nnum_tokens:\t16\n", ", line 2, is not valid YAML: .*\\\\t"),
        ("a: 1\n\t- /a\n", ", line 2, is not valid"),
        ("a: [1\n", ", line 2, is not valid"),
        ("a: 1\n---\nb: 2\n", ", line 2, is not valid"),
        ("a: &a [*a]\n", ", line 1, is not valid YAML: it has itself inside"),
        ("? [a]\n: 1\n", ", line 1, is not valid YAML: a name is not a text"),
        ("a: *b\n", ", line 1, is not valid"),
        ("a: '\x07'\n", " is not valid"),
        ("a: " + "[" * 5000, " is not valid"),
        ("", " is not a cassandra.yaml: it has no settings"),
        ("# only\n", " it has no settings"),
        ("- a\n", " it has no settings"),
        ("text\n", " it has no settings"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_file_and_the_line(text: str, where: str) -> None:
    with pytest.raises(LocalFilesError, match=f"^{PATH}.*{where}"):
        _settings(text)


@pytest.mark.parametrize(
    "text", ["\ufeffnum_tokens: 16\n", "num_tokens: 16\r\na: 1\r\n", "{num_tokens: 16}", "num_tokens: 16\n...\n"]
)
def test_other_ways_of_writing_a_file_are_read(text: str) -> None:
    assert _settings(text).number("num_tokens") == 16


def test_without_the_library_it_is_said_who_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_settings, "_IMPORT_ERROR", "ModuleNotFoundError: No module named 'yaml'")
    with pytest.raises(DependencyError, match=r"PyYAML cannot be used.*playbook revive\.cassandra\.prepare_nodes"):
        _settings("a: 1\n")


def test_plain_values_are_written_for_another_configuration_with_the_same_texts() -> None:
    """Cassandra reads a quoted number as a number, but ``0123`` that became 83 would be another name."""
    text = (
        "name: 0123\nlevel: no\nflag: true\nn: 16\nfactor: 0.1\nratio: 1e3\nlarge: 0.10\nnone:\nlist: [a, 1]\n"
        "quoted: '5'\n"
    )
    plain = _settings(text).plain()
    assert plain == {
        "name": "0123",
        "level": "no",
        "flag": True,
        "n": 16,
        "factor": 0.1,
        "ratio": "1e3",
        "large": "0.10",
        "none": None,
        "list": ["a", 1],
        "quoted": "5",
    }

    def scalars(node: t.Any) -> list[str]:
        return [each.value for each in yaml.compose(node).value for each in each if each.id == "scalar"]

    assert [each or "null" for each in scalars(text)] == scalars(json.dumps(plain))
