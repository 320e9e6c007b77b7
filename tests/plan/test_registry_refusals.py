"""What cannot be a registry: each refusal names the tool and says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agx.errors import RegistryInvalid
from agx.plan.registry_file import MAX_FILE_BYTES, MAX_TOOLS, load_registry
from agx.plan.tools import Registry

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def load(folder: Path, data: Any) -> Registry:
    """Write a registry, as JSON unless it is text already, and read it."""
    path = folder / "tools.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return load_registry(path)


def named(**more: Any) -> list[dict[str, Any]]:
    """Give a registry of one tool."""
    return [{"name": "x"} | more]


def test_control_characters_of_a_description_become_spaces(tmp_path: Path) -> None:
    tool = load(tmp_path, named(description="a\nb\x1b[31m\u2028c")).tools["x"]
    assert tool.description == "a b [31m c"


def test_a_schema_may_refer_to_its_own_parts(tmp_path: Path) -> None:
    parts = {"a/b c": {"type": "string"}, "d": {"anyOf": [{"type": "null"}]}}
    references = ["#", "#/$defs/a~1b%20c", "#/$defs/d/anyOf/0"]
    schema = {"properties": {str(at): {"$ref": ref} for at, ref in enumerate(references)}, "$defs": parts}
    assert load(tmp_path, named(schema=schema)).tools["x"].schema == schema


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "lists no tools"),
        ([], "lists no tools"),
        ({"tools": {}}, "lists no tools"),
        ("5", "lists no tools"),
        ("null", "lists no tools"),
        (["sort"] * (MAX_TOOLS + 1), f"lists {MAX_TOOLS + 1} tools; {MAX_TOOLS} are allowed"),
        (["sort", "frobnicate"], "tool 2: there is no built-in tool 'frobnicate'"),
        ([5], "tool 1 is neither an object nor a name"),
        ([{}], "tool 1: 'None' is no name of a tool"),
        (named(name=""), "'' is no name of a tool"),
        (named(name=5), "'5' is no name of a tool"),
        (named(name="a\nb"), "is no name of a tool"),
        (named(name="n" * 129), "is no name of a tool"),
        (named() * 2, "the tool 'x' is in the registry twice"),
        (named(desc=""), "(x): the key 'desc' is unknown"),
        (named(description=5), "(x): the description is no text"),
        (named(reads_stdin="no"), "(x): `reads_stdin` is true or false"),
        (named(risk=[]), "(x): `risk` is a list of reads, writes"),
        (named(risk="reads"), "(x): `risk` is a list of"),
        (named(risk=["harmless"]), "(x): `risk` is a list of"),
        (named(risk=[{}]), "(x): `risk` is a list of"),
        (named(schema=[]), "(x): the schema is no object"),
        (named(schema={"type": "strnig"}), "(x): the schema is no JSON Schema: 'strnig'"),
        (named(parameters={"type": 5}), "(x): the schema is no JSON Schema"),
        (named(schema=CITY, parameters=CITY), "(x): it has `schema` and `parameters`"),
        (named(schema={"type": "array"}), "(x): the schema is not that of an object"),
        (
            named(schema={"$ref": "https://example.com/s"}),
            "(x): the schema refers to 'https://example.com/s'",
        ),
        (named(schema={"$ref": "#/$defs/a"}), "(x): the schema refers to '#/$defs/a'"),
        (named(schema={"anyOf": [{"$ref": "#/anyOf/1"}]}), "(x): the schema refers to '#/anyOf/1'"),
        (named(schema={"$ref": "#anchor"}), "(x): the schema refers to '#anchor'"),
        ('{"tools": [', "cannot be parsed"),
        ("[" * 100_000, "cannot be parsed"),
        ('["\\ud800"]', "there is no built-in tool"),
        (f"[{'5' * 5000}]", "cannot be parsed"),
    ],
)
def test_what_cannot_be_a_registry_is_one_sentence(tmp_path: Path, data: Any, message: str) -> None:
    with pytest.raises(RegistryInvalid) as caught:
        load(tmp_path, data)
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("tools.toml", b"[[tools", "cannot be parsed"),
        ("tools.toml", b"tools = 5", "lists no tools"),
        ("tools.json", b"\xff\xfe[", "cannot be parsed"),
        ("tools.json", b" " * (MAX_FILE_BYTES + 1), f"has more than {MAX_FILE_BYTES} bytes"),
        ("tools.json", b"", "cannot be parsed"),
    ],
)
def test_a_file_that_cannot_be_parsed_is_one_sentence(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(RegistryInvalid) as caught:
        load_registry(path)
    assert message in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "name", ["missing.json", ".", "n" * 300, "a\0b"], ids=["missing", "folder", "long", "NUL"]
)
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(RegistryInvalid, match="cannot be read: "):
        load_registry(tmp_path / name)
