"""Registries from files, good ones and every kind of bad one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agx.errors import RegistryInvalid
from agx.plan.registry_file import MAX_TOOLS, load_registry
from agx.plan.tools import unix_registry

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


def written(folder: Path, content: Any, name: str = "tools.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "content",
    [
        {"tools": [{"name": "weather", "description": "d", "schema": SCHEMA}]},
        [{"name": "weather", "description": "d", "parameters": SCHEMA}],
        [{"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA}}],
        {"functions": [{"name": "weather", "description": "d", "parameters": SCHEMA, "strict": True}]},
    ],
    ids=["tools", "list", "openai", "functions"],
)
def test_the_forms_of_a_registry_file_mean_the_same(content: Any, tmp_path: Path) -> None:
    (tool,) = load_registry(written(tmp_path, content))
    assert (tool.name, tool.description, tool.schema) == ("weather", "d", SCHEMA)
    assert tool.risk == ("runs_code",), "what nobody vouches for is not harmless"


def test_a_registry_can_be_toml_and_name_built_in_tools(tmp_path: Path) -> None:
    text = '[[tools]]\nname = "mine"\nreads_stdin = true\nrisk = ["network", "reads"]\n'
    (tool,) = load_registry(written(tmp_path, text, "tools.toml"))
    assert tool.reads_stdin
    assert tool.risk == ("reads", "network")
    (known,) = load_registry(written(tmp_path, ["grep"]))
    assert known is unix_registry().get("grep")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[" * 100_000,
        "5",
        {},
        [],
        {"tools": "ls"},
        [5],
        ["no-such-tool"],
        [{}],
        [{"name": ""}],
        [{"name": 5}],
        [{"name": "a" * 129}],
        [{"name": "a\n"}],
        [{"name": "\ud800"}],
        [{"name": "a", "colour": "red"}],
        [{"name": "a", "description": 5}],
        [{"name": "a", "risk": []}],
        [{"name": "a", "risk": ["none"]}],
        [{"name": "a", "risk": [["reads"]]}],
        [{"name": "a", "risk": "reads"}],
        [{"name": "a", "schema": "x"}],
        [{"name": "a", "schema": {"type": "thing"}}],
        [{"name": "a"}, {"name": "a"}],
        [{"name": f"t{number}"} for number in range(MAX_TOOLS + 1)],
    ],
    ids=lambda content: repr(content)[:30],
)
def test_a_file_that_is_no_registry_is_refused_in_a_sentence(content: Any, tmp_path: Path) -> None:
    with pytest.raises(RegistryInvalid) as caught:
        load_registry(written(tmp_path, content))
    assert caught.value.hint


def test_a_missing_file_and_a_schema_that_is_not_json_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RegistryInvalid, match="cannot be read"):
        load_registry(tmp_path / "missing.json")
    dated = '[[tools]]\nname = "a"\nschema = { type = "object", default = 2020-01-01 }\n'
    with pytest.raises(RegistryInvalid, match="no JSON Schema"):
        load_registry(written(tmp_path, dated, "tools.toml"))


def test_descriptions_carry_no_control_characters(tmp_path: Path) -> None:
    (tool,) = load_registry(written(tmp_path, [{"name": "a", "description": "one\ntwo\x1b[31m"}]))
    assert tool.description == "one two [31m"
