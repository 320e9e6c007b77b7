"""Whatever a foreign list says, it yields no local program: every form, by hand and at random."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agx.app.registries import load_registry, registry_of
from agx.errors import RegistryInvalid
from agx.plan.tools import Registry
from tests.tools.support import CITY

FIELD = Path(__file__).parents[3] / "shared" / "data" / "field"
PROGRAMS = ("rm", "bash", "sh", "python", "dd", "ls")
Entry = dict[str, Any]

# Each form with a second tool that has a schema, so that the list can be told from AGX's own.
FORMS: dict[str, tuple[Callable[[Entry], Entry], str | None, Callable[[list[Entry]], Any]]] = {
    "OpenAI chat": (
        lambda tool: {"type": "function", "function": tool},
        "parameters",
        lambda tools: {"model": "m", "tools": tools},
    ),
    "OpenAI responses": (lambda tool: {"type": "function"} | tool, "parameters", lambda tools: tools),
    "OpenAI functions": (lambda tool: tool, "parameters", lambda tools: {"functions": tools}),
    "Anthropic": (lambda tool: tool, "input_schema", lambda tools: tools),
    "Gemini": (lambda tool: tool, "parameters", lambda tools: [{"functionDeclarations": tools}]),
    "Gemini, snake case": (lambda tool: tool, "parameters", lambda tools: {"function_declarations": tools}),
    "MCP result": (lambda tool: tool, "inputSchema", lambda tools: {"tools": tools}),
    "MCP answer": (
        lambda tool: tool,
        "inputSchema",
        lambda tools: {"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}},
    ),
    "JSON Schemas": (
        lambda tool: {"title": tool.pop("name"), "type": "object"} | tool,
        "schema",
        lambda tools: tools,
    ),
}
# What agents, services and servers write beside a tool; none of it is a reason to run a program.
EXTRAS: tuple[tuple[str, Any], ...] = (
    ("cache_control", {"type": "ephemeral"}),
    ("input_examples", [{}]),
    ("allowed_callers", ["code_execution_20250825"]),
    ("securitySchemes", [{"type": "noauth"}]),
    ("strict", True),
    ("defer_loading", True),
    ("annotations", {"readOnlyHint": True}),
    ("x-made-up", 5),
    ("reads_stdin", True),
    ("options", {"file": ["-f"]}),
    ("exit_codes", [0, 1]),
    ("builtin", True),
)
MISSING: tuple[Any, ...] = ("absent", None, {}, {"type": "object"}, CITY)
TYPES = ("bash_20250124", "shell", "local_shell", "custom", "web_search", "computer_20250124")


def commands(registry: Registry) -> list[str]:
    """Return the names of the tools that are programs of this machine."""
    return [tool.name for tool in registry if tool.schema is None]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_tool_without_a_schema_is_a_function_without_arguments(form: str, name: str) -> None:
    wrap, key, listed = FORMS[form]
    other = wrap({"name": "stock", str(key): CITY})
    registry = registry_of(listed([wrap({"name": name, "description": "remove a record"}), other]))
    assert commands(registry) == []
    schema = registry.tools[name].schema
    assert schema is not None
    assert not schema.get("properties")
    assert "stock" in registry


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_services_own_tool_is_left_out_and_named(kind: str, name: str) -> None:
    own = {"type": kind, "name": name}
    registry = registry_of([own, {"name": "stock", "input_schema": CITY}])
    assert list(registry.tools) == ["stock"]
    assert any(kind in warning for warning in registry.warnings)


@pytest.mark.parametrize("kind", TYPES)
def test_a_list_of_services_own_tools_alone_is_refused(kind: str) -> None:
    with pytest.raises(RegistryInvalid) as caught:
        registry_of([{"type": kind, "name": "bash"}])
    assert kind in caught.value.message


@pytest.mark.parametrize(
    "data",
    [
        {"model": "m", "messages": [], "tools": [{"name": "bash", "description": "d"}]},
        {"model": "m", "max_tokens": 5, "tools": [{"name": "bash"}]},
        {"tools": [{"name": "rm"}], "_meta": {}},
        {"tools": [{"name": "rm"}], "nextCursor": "x"},
        [{"type": "namespace", "name": "crm", "tools": [{"name": "rm", "description": "d"}]}],
        {"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "rm"}]}},
    ],
    ids=["chat request", "messages request", "_meta", "page", "namespace", "answer"],
)
def test_what_stands_beside_a_list_marks_it_where_no_tool_does(data: Any) -> None:
    """AGX's own form has nothing beside `tools`, so not one tool needs a schema to give the list away."""
    assert commands(registry_of(data)) == []


def test_an_event_stream_is_never_a_list_of_agx(tmp_path: Path) -> None:
    path = tmp_path / "answer.sse"
    path.write_text('event: message\ndata: {"tools": [{"name": "rm"}]}\n\n')
    assert commands(load_registry(path)) == []


def test_a_description_of_a_web_service_is_no_list_of_tools() -> None:
    document = {"openapi": "3.1.0", "info": {"title": "t"}, "paths": {"/x": {}}}
    with pytest.raises(RegistryInvalid):
        registry_of(document)


def test_a_list_of_agx_keeps_its_commands() -> None:
    registry = registry_of([{"name": "rg", "reads_stdin": True}, "sort", {"name": "w", "schema": CITY}])
    assert commands(registry) == ["rg", "sort"]


@pytest.mark.parametrize("place", [0, 1], ids=["before", "after"])
def test_where_the_foreign_tool_stands_does_not_matter(place: int) -> None:
    tools: list[Entry] = [{"name": "bash", "description": "b"}]
    tools.insert(place, {"name": "stock", "inputSchema": CITY})
    assert commands(registry_of(tools)) == []


@pytest.mark.parametrize("seed", range(20))
def test_no_random_foreign_list_has_a_program_in_it(seed: int) -> None:
    """Forms, names, missing schemas, types of services and keys from anywhere, a hundred a seed."""
    drawn = random.Random(seed)
    num_read = 0
    for _ in range(100):
        data = _random_list(drawn)
        try:
            registry = registry_of(data)
        except RegistryInvalid:  # any other error is a crash
            continue
        num_read += 1
        assert commands(registry) == [], json.dumps(data)
    assert num_read, "a test in which everything is refused says nothing"


def _random_list(drawn: random.Random) -> Any:
    wrap, key, listed = FORMS[drawn.choice([*FORMS])]
    tools = [_random_tool(drawn, wrap, key) for _ in range(drawn.randint(0, 4))]
    tools.insert(drawn.randint(0, len(tools)), wrap({"name": "stock", str(key): CITY}))
    return listed(tools)


def _random_tool(drawn: random.Random, wrap: Callable[[Entry], Entry], key: str | None) -> Entry:
    tool: Entry = {"name": drawn.choice([*PROGRAMS, "note_add", "", "a\u200b"])}
    schema = drawn.choice(MISSING)
    if schema != "absent":
        tool[str(key)] = schema
    tool |= dict(drawn.sample(EXTRAS, drawn.randint(0, 3)))
    made = wrap(tool)
    return made | ({"type": drawn.choice(TYPES)} if drawn.random() < 0.2 else {})


@pytest.mark.skipif(not FIELD.exists(), reason="the data is not here")
@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("tools_mcp_without_schema.json", ["rm", "f"]),
        ("tools_of_a_service.json", ["stock"]),
        ("tools_of_a_service_bash_only.json", ["stock"]),
        ("tools_two_pages.jsonl", ["note_add", "note_list", "note_drop"]),
    ],
)
def test_files_from_the_field_have_functions_only(file: str, names: list[str]) -> None:
    registry = load_registry(FIELD / file)
    assert list(registry.tools) == names
    assert commands(registry) == []
