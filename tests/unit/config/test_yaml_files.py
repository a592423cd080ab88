"""What the reader of agents.yaml accepts and refuses, with the line of everything."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agent_framework.config import yaml_reader
from agent_framework.config.loader import load_config
from agent_framework.config.yaml_reader import MAX_BYTES, MAX_DEPTH, parse_yaml, read_yaml
from agent_framework.errors import ConfigError


def problem(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text)
    return str(caught.value)


def test_words_that_older_yaml_reads_as_booleans_stay_text() -> None:
    assert parse_yaml("[on, off, yes, no, y, n, NO]").data == ["on", "off", "yes", "no", "y", "n", "NO"]


def test_numbers_with_leading_zeros_stay_text_and_lose_nothing() -> None:
    assert parse_yaml("[02139, 007, 0o17, 0x1F, 1_000, 00.5, 012345678901]").data == [
        "02139", "007", "0o17", "0x1F", "1_000", "00.5", "012345678901",
    ]  # fmt: skip


def test_plain_scalars_are_read_by_the_core_schema() -> None:
    values = parse_yaml("[1, -2, +3, 0, 1.5, .5, 1., 1e3, true, False, null, ~, '', 2026-01-01, 12:30, <<, =]").data
    assert values == [
        1, -2, 3, 0, 1.5, 0.5, 1.0, 1000.0, True, False, None, None, "", "2026-01-01", "12:30", "<<", "=",
    ]  # fmt: skip


def test_quoted_scalars_are_always_text() -> None:
    assert parse_yaml("['1', \"true\", 'null', \"~\"]").data == ["1", "true", "null", "~"]


def test_a_number_too_large_for_a_float_stays_text() -> None:
    assert parse_yaml("[1e999, " + "9" * 60 + "]").data == ["1e999", "9" * 60]


def test_every_value_knows_its_line() -> None:
    file = parse_yaml("a:\n  b: 1\n  c:\n    - x\n    - y: 2\n")
    assert file.line_of(("a", "c")) == 3
    assert file.line_of(("a", "c", 1, "y")) == 5
    assert file.line_of(("a", "c", 7, "z")) == 3
    assert file.line_of(("nowhere",)) == 1


def test_all_duplicate_keys_are_reported_at_once_with_their_lines() -> None:
    assert problem("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n") == (
        "agents.yaml:4: b: the key 'c' is there twice\nagents.yaml:5: the key 'a' is there twice"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x 1\nb: *x", "agents.yaml:1: anchors and aliases"),
        ("a: 1\nb: *x", "agents.yaml:2: anchors and aliases"),
        ("a: &a [&b [*a, *a]]", "anchors and aliases"),
        ("a: !!python/object/apply:os.system ['true']", "the tag tag:yaml.org,2002:python"),
        ("a: !!int '3'", "the tag"),
        ("a: !Ref x", "the tag !Ref is not allowed"),
        ("a: !!binary aGk=", "the tag"),
        ("? [a, b]\n: 1", "agents.yaml:1: a key must be text"),
        ("? {a: 1}\n: 1", "a key must be text"),
        ("a: 1\n\tb: 2", "agents.yaml:2: not valid YAML"),
        ("a: [1, 2", "not valid YAML"),
        ("a: 'open", "not valid YAML"),
        ("a: 1\n---\nb: 2", "not valid YAML"),
        ("a: b: c", "agents.yaml:1: not valid YAML"),
        ("a: \x01", "not valid YAML"),
        ("a: \x00", "not valid YAML"),
        ('a: "\\UFFFFFFFF"', "not valid YAML"),
        ('a: "\\U00110000"', "not valid YAML"),
        ('a: "\\ud800"', "agents.yaml:1: a: half a surrogate pair"),
        ("%YAML 1." + "9" * 5000 + "\n---\na: 1", "not valid YAML"),
        ("%YAML 3.0\n---\na: 1", "not valid YAML"),
        ("[" * 40 + "]" * 40, f"nested deeper than {MAX_DEPTH} levels"),
        ("[" * 100_000, "nested deeper"),
        ("- " * 20_000 + "a", "nested deeper"),
        ("".join(f"{' ' * depth}a:\n" for depth in range(300)), "nested deeper"),
    ],
)
def test_row_35_what_is_refused_is_refused_with_a_clear_word(text: str, message: str) -> None:
    assert message in problem(text)


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    file = tmp_path / "agents.yaml"
    file.write_bytes(b"project:\n  name: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"agents.yaml: is not UTF-8 text \(byte 20\)"):
        load_config(file)


def test_utf_16_is_refused_and_a_utf_8_mark_is_not(tmp_path: Path) -> None:
    file = tmp_path / "agents.yaml"
    file.write_text("project: {name: a}", "utf-16")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(file)
    file.write_text("project: {name: a}", "utf-8-sig")
    assert load_config(tmp_path).config.project.name == "a"


def test_a_file_above_the_limit_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    file = tmp_path / "agents.yaml"
    file.write_text("a: " + "x" * MAX_BYTES, "utf-8")
    with pytest.raises(ConfigError, match="the limit is 1,000,000"):
        read_yaml(file)


def test_a_missing_file_tells_how_to_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"agents\.yaml: not found.*agent-framework init"):
        load_config(tmp_path)


def test_a_folder_in_place_of_the_file_is_no_crash(tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").mkdir()
    with pytest.raises(ConfigError):
        load_config(tmp_path)


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n", "text", "42", "null", "---\n...\n"])
def test_a_file_that_is_no_mapping_is_told_what_it_starts_with(text: str, tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match="must be a mapping that starts with 'project:'"):
        load_config(tmp_path)


def by_pyyamls_own_parser(text: str) -> yaml_reader.YamlFile:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_reader, "_QUICK", None)
        return parse_yaml(text)


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


@given(values, st.booleans(), st.booleans())
def test_with_and_without_libyaml_a_text_means_the_same(value: Any, flow: bool, unicode: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=unicode)
    assert yaml.__with_libyaml__
    assert parse_yaml(text) == by_pyyamls_own_parser(text)


@pytest.mark.parametrize("text", ["a: 1\n b: 2\n", "a: @b\n", "a: {b: 1\n", "- a\n- b: [c\nd: 1\n"])
def test_what_is_no_yaml_is_explained_in_the_same_words_with_and_without_libyaml(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        by_pyyamls_own_parser(text)
    assert problem(text) == str(caught.value)


def test_a_tab_behind_a_value_is_no_mistake() -> None:
    assert parse_yaml("a: 1\t\nb:\t2\n").data == {"a": 1, "b": 2}
