"""Registries as files: what is written is what is read."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from agx.app.registries import load_registry, registry_of
from agx.errors import RegistryInvalid
from agx.plan.tools import Registry, ToolInfo, ToolOptions
from agx.tools.written import registry_json, registry_toml, tool_as_dict
from agx.unix.options import options_of
from agx.unix.registry import unix_registry
from tests.tools.support import BFCL, with_schema

ODD = {
    "properties": {
        "a b": {"description": 'say "hi" \\ there', "default": 1.5e300},
        "tabs": {
            "type": "string",
            "enum": ["\t", "\n", "\x7f", "\x1b", "é", "\U0001f600", "\u0085", "'''", '"""'],
        },
        "": {"type": "array", "items": {"type": "integer"}, "default": [1, -2], "maxItems": 3},
        "nested.key": {"type": "object", "properties": {"x": {}}, "default": {}},
        "flag": {"type": "boolean", "default": False},
    },
    "required": [],
}


def everything() -> Registry:
    """Return tools with every key there is."""
    options = ToolOptions(pattern=frozenset({"-e"}), known=frozenset(), syntax="words")
    command = ToolInfo(
        "rg",
        "Search",
        reads_stdin=True,
        risk=("reads", "network"),
        category="search",
        exit_codes=(0, 1),
        options=options,
    )
    shell = ToolInfo("cd", builtin=True)
    return Registry.of([command, shell, *registry_of(with_schema(ODD))])


@pytest.mark.parametrize("ending", ["json", "toml"])
def test_what_is_written_is_what_is_read(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"tools.{ending}"
    write = registry_json if ending == "json" else registry_toml
    path.write_text(write(everything()), encoding="utf-8")
    assert list(load_registry(path)) == list(everything())


@pytest.mark.parametrize("write", [registry_json, registry_toml])
def test_the_built_in_tools_can_be_written_and_read(write: object, tmp_path: Path) -> None:
    """With the options that are known of them."""
    assert callable(write)
    path = tmp_path / ("tools.json" if write is registry_json else "tools.toml")
    path.write_text(write(unix_registry()), encoding="utf-8")
    read = load_registry(path)
    in_order = [replace(tool, risk=read.tools[tool.name].risk) for tool in unix_registry()]
    assert list(read) == in_order
    assert all(set(tool.risk) == set(unix_registry().tools[tool.name].risk) for tool in read)
    assert options_of(read.tools["grep"]) == options_of(unix_registry().tools["grep"])


def test_toml_has_no_null() -> None:
    registry = registry_of(with_schema({"properties": {"a": {"default": None}}}))
    with pytest.raises(RegistryInvalid, match="the schema of x holds null") as caught:
        registry_toml(registry)
    assert "FILE.json" in caught.value.hint
    assert "null" in registry_json(registry)


def test_what_has_its_default_is_left_out() -> None:
    assert tool_as_dict(ToolInfo("a")) == {"name": "a", "description": "", "risk": ["reads"]}


@pytest.mark.skipif(not BFCL.exists(), reason="the data is not here")
def test_registries_of_bfcl_stay_what_they_are() -> None:
    with BFCL.open(encoding="utf-8") as lines:
        for line, _ in zip(lines, range(0, 779, 10), strict=False):
            registry = registry_of(json.loads(line))
            assert list(registry_of(json.loads(registry_json(registry)))) == list(registry)
            if "null" not in registry_json(registry):
                assert list(registry_of(tomllib.loads(registry_toml(registry)))) == list(registry)
