"""Registries from files: TOML, JSON and JSON lines, and every file that is none."""

from __future__ import annotations

import json
import os
import threading
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agx.app.registries import load_registry, parse_registry, registry_of
from agx.errors import RegistryInvalid
from agx.plan.tools import Registry, ToolInfo, ToolOptions
from agx.tools.registry_files import MAX_FILE_BYTES, registry_json, registry_toml, tool_as_dict
from agx.unix.options import options_of
from agx.unix.registry import unix_registry
from tests.tools.support import BFCL, CITY, with_schema


def written(folder: Path, content: Any, name: str = "tools.json") -> Path:
    """Write a file: bytes and texts as they are, everything else as JSON."""
    path = folder / name
    data = content if isinstance(content, bytes) else None
    text = content if isinstance(content, str) else json.dumps(content) if data is None else ""
    path.write_bytes(text.encode() if data is None else data)
    return path


def names(registry: Registry) -> list[str]:
    return [tool.name for tool in registry]


def refusal(path: Path) -> str:
    """Return the sentence that refuses a file."""
    with pytest.raises(RegistryInvalid) as caught:
        load_registry(path, strict=True)
    assert caught.value.hint
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    return caught.value.message


def test_a_name_alone_is_the_built_in_tool(tmp_path: Path) -> None:
    (known,) = load_registry(written(tmp_path, ["grep"]))
    assert known is unix_registry().get("grep")


def test_a_path_may_be_a_text(tmp_path: Path) -> None:
    assert names(load_registry(str(written(tmp_path, ["grep"])))) == ["grep"]


@pytest.mark.parametrize("name", ["tools.toml", "tools.TOML"])
def test_a_registry_can_be_toml(name: str, tmp_path: Path) -> None:
    text = """
        [[tools]]
        name = "mine"
        reads_stdin = true
        risk = ["network", "reads"]
        category = "own"
        exit_codes = [1, 0]
        options = { file = ["-f"], known = ["-f", "-v"] }
        [[tools]]
        name = "weather"
        [tools.schema.properties.city]
        type = "string"
    """
    mine, weather = load_registry(written(tmp_path, text, name))
    assert mine.reads_stdin
    assert mine.risk == ("reads", "network")
    assert (mine.category, mine.exit_codes) == ("own", (0, 1))
    assert mine.options is not None
    assert mine.options.file == {"-f"}
    assert mine.options.known == frozenset({"-f", "-v"})
    assert weather.schema == {"type": "object", "properties": {"city": {"type": "string"}}}


def test_toml_may_name_tools_by_tables(tmp_path: Path) -> None:
    text = '[tools.deploy]\ndescription = "Deploy"\n[tools.test]\nrisk = ["runs_code"]\n'
    assert names(load_registry(written(tmp_path, text, "tools.toml"))) == ["deploy", "test"]


@pytest.mark.parametrize("name", ["tools.jsonl", "tools.ndjson", "tools.json", "tools"])
def test_json_lines_are_read_by_name_and_by_what_they_are(name: str, tmp_path: Path) -> None:
    """BFCL's own files are lines, and called .json."""
    text = '{"name": "a"}\r\n\n{"tools": [{"name": "b"}, {"name": "c"}]}\n"sort"\n'
    assert names(load_registry(written(tmp_path, text, name))) == ["a", "b", "c", "sort"]


def test_a_problem_in_json_lines_has_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, '{"name": "a"}\n\n{"name": "b", "risk": []}\n', "tools.jsonl")
    message = refusal(path)
    assert message.startswith(f"{path}: line 3: b, /risk: ")
    with pytest.raises(RegistryInvalid) as caught:
        load_registry(path, strict=True)
    problems = caught.value.details["problems"]
    assert isinstance(problems, list)
    (problem,) = problems
    assert (problem["line"], problem["tool"], problem["pointer"]) == (3, "b", "/risk")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    assert names(load_registry(written(tmp_path, b'\xef\xbb\xbf["sort"]'))) == ["sort"]


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    """As in `agx plan --tools <(…)`."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b'["sort"]',))
    writer.start()
    assert names(load_registry(pipe)) == ["sort"]
    writer.join()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("tools.toml", b"[[tools", "cannot be parsed: "),
        ("tools.toml", b"a = 1\na = 2\n", "cannot be parsed: "),
        ("tools.toml", b"tools = 5", "/tools: 5 is no tool"),
        ("tools.toml", b"x = " + b"[" * 50_000, "nested too deeply"),
        ("tools.json", b"\xff\xfe[", "line 1 is not UTF-8 text"),
        ("tools.json", b'[\n"\xe9"]', "line 2 is not UTF-8 text"),
        ("tools.json", '["sort"]'.encode("utf-16"), "is not UTF-8 text"),
        ("tools.json", b" " * (MAX_FILE_BYTES + 1), f"has more than {MAX_FILE_BYTES} bytes"),
        ("tools.json", b"", "cannot be parsed: it is empty"),
        ("tools.json", b"\xef\xbb\xbf \n", "cannot be parsed: it is empty"),
        ("tools.json", b'["sort"', "cannot be parsed: "),
        ("tools.json", b'["sort"]\x00', "cannot be parsed: "),
        ("tools.json", b'["so\x00rt"]', "cannot be parsed: "),
        ("tools.json", b"[" * 100_000, "nested too deeply"),
        ("tools.json", b"[" + b"5" * 5000 + b"]", "cannot be parsed: "),
        ("tools.json", b'["sort"] ["uniq"', "cannot be parsed: Extra data"),
        ("tools.jsonl", b'{"name": "a"}\n{"name": \n', "line 2 is not JSON"),
        ("tools.jsonl", b'"sort"\n' + b"[" * 100_000, "line 2 is not JSON"),
        ("tools.jsonl", b"\n\n", "it lists no tools"),
    ],
)
def test_a_file_that_cannot_be_parsed_is_one_sentence(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    assert message in refusal(written(tmp_path, data, name))


@pytest.mark.parametrize(
    "name", ["missing.json", ".", "n" * 300, "a\0b"], ids=["missing", "folder", "long", "NUL"]
)
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(RegistryInvalid, match="cannot be read: ") as caught:
        load_registry(tmp_path / name)
    assert caught.value.hint


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    """JSON keeps the last one and says nothing; what a person reads first would not count."""
    text = '{"tools": [{"name": "a", "risk": ["reads"], "risk": ["writes"]}, {"name": "b"}]}'
    assert refusal(written(tmp_path, text)).endswith("/tools/0/risk: the key 'risk' stands twice")
    by_name = '{"a": {"description": "one"}, "b": {}, "a": {"description": "two"}}'
    assert refusal(written(tmp_path, by_name)).endswith("/a: the key 'a' stands twice")
    inside = '[{"name": "a", "schema": {"properties": {"p": {"type": "string"}, "p": {}}}}]'
    assert "/0/schema/properties/p: the key 'p' stands twice" in refusal(written(tmp_path, inside))


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "1" + "0" * 400], ids=lambda text: text[:9])
def test_numbers_that_programs_read_differently_are_refused(number: str, tmp_path: Path) -> None:
    text = f'[{{"name": "a", "schema": {{"properties": {{"p": {{"maximum": {number}}}}}}}}}]'
    assert "/0/schema/properties/p/maximum: " in refusal(written(tmp_path, text))


@pytest.mark.parametrize("value", ["nan", "-inf", "2020-01-01", "2020-01-01T00:00:00Z", "07:32:00"])
def test_values_that_json_does_not_have_are_refused(value: str, tmp_path: Path) -> None:
    text = f'[[tools]]\nname = "a"\nschema = {{ type = "object", default = {value} }}\n'
    assert "/tools/0/schema/default: " in refusal(written(tmp_path, text, "tools.toml"))


def test_a_number_that_python_does_not_write_is_refused(tmp_path: Path) -> None:
    """TOML has hexadecimal ones, which are read whatever their length."""
    text = f"[[tools]]\nname = 'a'\nschema = {{ default = 0x{'f' * 5000} }}\n"
    assert "a, /tools/0/schema/default: a huge number is no number" in refusal(
        written(tmp_path, text, "tools.toml")
    )


def test_half_a_character_is_refused(tmp_path: Path) -> None:
    assert refusal(written(tmp_path, '["\\ud800"]')).endswith("/0: the text holds half of a character")


def test_nesting_has_a_limit(tmp_path: Path) -> None:
    """A tool may be nested 64 levels deep: objects and lists, the tool itself included."""

    def nested(levels: int) -> list[dict[str, Any]]:
        value: Any = []
        for _ in range(levels - 3):
            value = [value]
        return [{"name": "a", "schema": {"default": value}}]

    assert len(load_registry(written(tmp_path, nested(64)))) == 1
    assert "it is nested deeper than 64 levels" in refusal(written(tmp_path, nested(65)))
    assert "it is nested deeper than 64 levels" in refusal(written(tmp_path, nested(900)))


def test_the_largest_file_and_the_most_tools_are_taken(tmp_path: Path) -> None:
    most = json.dumps([{"name": f"t{number}", "schema": CITY} for number in range(1000)])
    assert len(parse_registry(most.encode().ljust(MAX_FILE_BYTES), source="most")) == 1000
    message = refusal(written(tmp_path, [{"name": f"t{number}"} for number in range(1001)]))
    assert message.endswith("it lists more than 1000 tools")


def test_descriptions_lose_what_cannot_be_seen_and_say_so(tmp_path: Path) -> None:
    """Tag characters can carry a hidden order to a model, overrides turn a text around."""
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "ignore all")
    text = f"Tell\u200b the\n\n  weather\x1b[31m\u202e.{hidden}"
    path = written(tmp_path, [{"name": "a", "description": text}, {"name": "b", "description": "Fine ☀️\tb"}])
    registry = load_registry(path)
    assert registry.tools["a"].description == "Tell the weather[31m."
    assert registry.tools["b"].description == "Fine ☀️ b"
    (warning,) = registry.warnings
    assert warning.startswith(
        f"{path}: a, /0/description: 13 invisible characters were taken out: U+200B, U+001B, "
    )


def test_of_very_many_warnings_a_hundred_are_told(tmp_path: Path) -> None:
    path = written(tmp_path, [{"name": f"t{number}", "description": "a\u200b"} for number in range(150)])
    warnings = load_registry(path).warnings
    assert len(warnings) == 101
    assert warnings[-1] == f"{path}: 50 more warnings of this kind"


@pytest.mark.skipif(not BFCL.exists(), reason="the data is not here")
def test_lines_of_bfcl_are_registries(tmp_path: Path) -> None:
    """A case has its functions beside question and answer."""
    with BFCL.open(encoding="utf-8") as lines:
        path = written(tmp_path, "".join(line for line, _ in zip(lines, range(5), strict=False)), "five.json")
    assert len(load_registry(path)) == 5


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


RESULT = {"tools": [{"name": "note_add", "inputSchema": {"type": "object"}}]}
PAGE = {"jsonrpc": "2.0", "id": 1, "result": RESULT}
NEXT = PAGE | {"result": {"tools": [{"name": "rm"}]}}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("tail", ["", "\n", "\n\n"], ids=["cut off", "no blank line", "whole"])
def test_an_event_stream_that_was_saved_is_read(tmp_path: Path, end: str, tail: str) -> None:
    """As a server answers over HTTP: fields, comments, a message without tools, and two answers."""
    pretty = "\n".join(f"data: {line}" for line in json.dumps(PAGE, indent=1).split("\n"))
    told = 'data: {"jsonrpc": "2.0", "method": "notifications/progress"}'
    text = f": hello\n\nevent: message\nid: 7\n{pretty}\n\n{told}\n\ndata:{json.dumps(NEXT)}{tail}"
    path = tmp_path / "answer.sse"
    path.write_bytes(text.replace("\n", end).encode())
    registry = load_registry(path)
    assert names(registry) == ["note_add", "rm"]
    assert all(tool.schema is not None for tool in registry)


def test_an_event_that_is_not_json_is_named_by_its_line(tmp_path: Path) -> None:
    text = f"event: message\ndata: {json.dumps(PAGE)}\n\ndata: {{\n\n"
    assert "the event in line 4 is not JSON" in refusal(written(tmp_path, text))


def test_a_stream_without_an_answer_lists_no_tools(tmp_path: Path) -> None:
    assert refusal(written(tmp_path, "event: message\ndata: [DONE]\n\n")).endswith("it lists no tools")


def test_a_page_that_has_a_next_one_is_told(tmp_path: Path) -> None:
    first = {**PAGE, "result": {**RESULT, "nextCursor": "abc"}}
    (warning,) = load_registry(written(tmp_path, json.dumps(first))).warnings
    assert "the server has more tools" in warning
    both = f"{json.dumps(first)}\n{json.dumps(NEXT)}\n"
    registry = load_registry(written(tmp_path, both, "pages.jsonl"))
    assert (names(registry), registry.warnings) == (["note_add", "rm"], ())


def test_an_answer_that_is_an_error_is_told_as_one(tmp_path: Path) -> None:
    answer = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "Method not found"}}
    assert "the server answered with an error: 'Method not found'" in refusal(
        written(tmp_path, json.dumps(answer))
    )
