"""`agx tools`: lists, shows, checks and imports tools, in pipes and in a terminal."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agx.app.registries import load_registry
from agx.plan.schema import RISKS
from agx.unix.registry import unix_registry
from tests.cli.conftest import Agx

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
OWN = [
    {
        "name": "weather",
        "description": "Tell the weather",
        "risk": ["network"],
        "category": "web",
        "schema": CITY,
    },
    {"name": "no-such-program", "description": "Is not here", "risk": ["reads"]},
    "sort",
]
BAD = [{"name": "weather", "schema": {"properties": {"city": {"type": "txt"}}}}, {"name": "\x1b[2J"}, "gerp"]


@pytest.fixture
def own(tmp_path: Path) -> str:
    """Return the name of a file of three tools."""
    (tmp_path / "own.json").write_text(json.dumps(OWN))
    return str(tmp_path / "own.json")


@pytest.fixture
def bad(tmp_path: Path) -> str:
    """Return the name of a file whose three tools cannot be used."""
    (tmp_path / "bad.json").write_text(json.dumps(BAD))
    return str(tmp_path / "bad.json")


def listed(text: str) -> list[str]:
    """Return the names in the JSON of a list."""
    return [tool["name"] for tool in json.loads(text)["tools"]]


def in_terminal(*arguments: str, columns: int = 100) -> tuple[int, list[str]]:
    """Run `agx tools` on a terminal, and give its exit code and the lines the terminal got."""
    ours, theirs = pty.openpty()
    environ = os.environ | {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": str(columns)}
    with subprocess.Popen(
        [sys.executable, "-m", "agx", "tools", *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        text = b"".join(iter(lambda: _read(ours), b"")).decode()
    os.close(ours)
    return process.returncode, text.replace("\r\n", "\n").splitlines()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that nobody holds the other end
        return b""


def test_a_pipe_gets_the_json_of_a_registry_file(agx: Agx, tmp_path: Path) -> None:
    """What is listed can be planned with, narrowed by hand."""
    done = agx("tools", "list", "--category", "archive")
    path = tmp_path / "archive.json"
    path.write_text(done.out)
    archive = [tool for tool in unix_registry() if tool.category == "archive"]
    assert [tool.name for tool in load_registry(path)] == [tool.name for tool in archive]
    assert done.err == ""


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ((), ["weather", "no-such-program", "sort"]),
        (("SORT",), ["sort"]),
        (("tell", "weather"), ["weather"]),
        (("web",), ["weather"]),
        (("tell", "sort"), []),
        (("--category", "web"), ["weather"]),
        (("--mark", "reads"), ["no-such-program", "sort"]),
        (("--mark", "destructive"), []),
        (("--on-path",), ["weather", "sort"]),
        (("--on-path", "--mark", "reads"), ["sort"]),
    ],
    ids=str,
)
def test_a_list_is_narrowed(agx: Agx, own: str, arguments: tuple[str, ...], names: list[str]) -> None:
    done = agx("tools", "list", "--tools", own, "--json", *arguments)
    assert done.code == 0
    assert listed(done.out) == names


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("list", "--category", "txt"), "there is no category 'txt'; did you mean text?", "archive"),
        (("list", "--mark", "write"), "there is no risk mark 'write'; did you mean writes?", "runs_code"),
        (("show", "gerp"), "there is no tool 'gerp'; did you mean grep?", "agx tools list"),
        (("show",), "missing argument", "--help"),
        (("list", "--tools", "missing.json"), "cannot be read", "give a TOML or JSON file"),
        (("check", "missing.json"), "cannot be read", "give a TOML or JSON file"),
        (("import", "missing.json"), "cannot be read", "give a TOML or JSON file"),
        (("frobnicate",), "No such command", ""),
    ],
    ids=str,
)
def test_a_mistake_is_a_sentence_and_a_hint(
    agx: Agx, arguments: tuple[str, ...], message: str, hint: str
) -> None:
    done = agx("tools", *arguments)
    assert done.code == 2
    error, said = done.err.splitlines()[-2:]
    assert error.casefold().startswith("error: ")
    assert message.casefold() in error.casefold()
    assert said.startswith("hint: ")
    assert hint in said
    assert done.out == ""


def test_of_several_files_of_tools_the_last_one_counts(agx: Agx, own: str, tmp_path: Path) -> None:
    """With every command that takes them: a tool keeps its place and has nothing of the one before."""
    (tmp_path / "more.json").write_text(
        json.dumps([{"name": "weather", "description": "Ours\u200b"}, {"name": "uniq"}])
    )
    both = ("--tools", own, "--tools", "more.json")
    done = agx("tools", "list", *both)
    assert listed(done.out) == ["weather", "no-such-program", "sort", "uniq"]
    assert done.err.count("invisible character") == 1
    assert json.loads(agx("tools", "show", "weather", *both).out)["risk"] == ["runs_code"]
    assert json.loads(agx("tools", "show", "weather", *both, "--tools", own).out) == OWN[0]
    offered = json.dumps(json.loads(agx("plan", "x", *both, "--dry-run").out)["schema"])
    assert '"enum": ["weather", "no-such-program", "sort", "uniq"]' in offered
    for command in (("plan", "import", "sort a | uniq"), ("plan", "new", "--from", "plan.json")):
        done = agx(*command, *both)
        assert done.code == 0, done.err
        assert done.err.count("invisible character") == 1
        (tmp_path / "plan.json").write_text(done.out)
    assert [task["command"] for task in json.loads(agx("plan", "preview").out)["tasks"]] == ["sort", "uniq"]
    assert agx("run", "plan.json", *both, "--dry-run").code == 0
    assert "uniq" in agx("run", "plan.json", "--tools", own, "--dry-run").err


def test_files_that_have_too_many_tools_together_are_refused(agx: Agx, tmp_path: Path) -> None:
    for half in "ab":
        tools = [{"name": f"{half}{number}"} for number in range(501)]
        (tmp_path / f"{half}.json").write_text(json.dumps(tools))
    done = agx("tools", "list", "--tools", "a.json", "--tools", "b.json")
    assert done.code == 2
    assert "1002 tools; 1000 are allowed" in done.err


def test_a_tool_is_shown_as_json(agx: Agx, own: str) -> None:
    assert json.loads(agx("tools", "show", "weather", "--tools", own).out) == OWN[0]
    assert json.loads(agx("tools", "show", "grep").out)["exit_codes"] == [0, 1]
    assert "with the same --tools" in agx("tools", "show", "grep", "--tools", own).err


def test_check_says_that_a_file_is_fine(agx: Agx, own: str) -> None:
    done = agx("tools", "check", own)
    assert done.code == 0
    assert json.loads(done.out) == {
        "ok": True,
        "tools": 3,
        "problems": [],
        "warnings": [],
        "schemas": {"weather": {"held_in_part": [], "only_checked": []}},
    }


def test_check_says_what_a_model_is_held_to(agx: Agx, tmp_path: Path) -> None:
    parts = {"p": {"type": "array", "uniqueItems": True}, "q": {"type": "string", "pattern": "^(?!a)b"}}
    path = tmp_path / "unheld.json"
    path.write_text(json.dumps([{"name": "tag", "schema": {"properties": parts}}]))
    done = agx("tools", "check", str(path))
    assert done.code == 0
    assert json.loads(done.out)["schemas"] == {
        "tag": {"held_in_part": ["/properties/q/pattern"], "only_checked": ["/properties/p/uniqueItems"]}
    }
    assert "not fully held to `pattern` and `uniqueItems`" in done.err
    _, lines = in_terminal("check", str(path))
    assert "tag  held in part: /properties/q/pattern; only checked: /properties/p/uniqueItems" in lines


def test_check_tells_every_problem_with_its_place(agx: Agx, bad: str) -> None:
    done = agx("tools", "check", bad, "--json")
    assert done.code == 2
    result = json.loads(done.out)
    assert not result["ok"]
    assert [(problem["tool"], problem["pointer"]) for problem in result["problems"]] == [
        ("weather", "/0/schema/properties/city/type"),
        ("\x1b[2J", "/1/name"),
        ("gerp", "/2"),
    ]
    assert "\x1b" not in done.out
    assert done.err == ""


def test_warnings_are_notes_beside_the_result(agx: Agx, tmp_path: Path) -> None:
    """With check, import, list and plan."""
    path = tmp_path / "hidden.json"
    path.write_text(json.dumps([{"name": "sort", "description": "Sort\u200b"}]))
    expected = "sort, /0/description: 1 invisible character was taken out: U+200B"
    for command in (("check",), ("import",), ("list", "--tools")):
        done = agx("tools", *command, str(path))
        assert expected in done.err
        assert done.err.startswith("warning: ")
    assert (
        expected in agx("plan", "--tools", str(path), "sort", replies=('{"tasks":[{"command":"sort"}]}',)).err
    )
    done = agx("tools", "check", str(path), "--json")
    assert json.loads(done.out)["warnings"][0].endswith(expected)


@pytest.mark.parametrize("command", ["check", "import"])
def test_standard_input_can_be_the_file(agx: Agx, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.TextIOWrapper(io.BytesIO(json.dumps(OWN).encode()))
    monkeypatch.setattr(sys, "stdin", data)
    done = agx("tools", command, "-")
    assert done.code == 0
    assert json.loads(done.out)


FORMS: dict[str, Any] = {
    "openai": [{"type": "function", "function": {"name": "weather", "parameters": CITY}}],
    "mcp": {"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "weather", "inputSchema": CITY}]}},
    "bfcl": {"function": [{"name": "weather", "parameters": CITY | {"type": "dict"}}], "gold": []},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ending", ["json", "toml", "TOML", "txt"])
def test_other_forms_become_a_registry_file(agx: Agx, form: str, ending: str, tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text(json.dumps(FORMS[form]))
    target = tmp_path / f"out.{ending}"
    done = agx("tools", "import", "in.json", "-o", str(target))
    assert (done.code, done.out, done.err) == (0, "", "")
    (tool,) = load_registry(target)
    assert (tool.name, tool.schema) == ("weather", CITY)
    assert target.read_text().startswith("[[tools]]" if "toml" in ending.lower() else "{")


def test_import_prints_json_without_a_file(agx: Agx, tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text(json.dumps(FORMS["mcp"]))
    for more in ((), ("-o", "-"), ("--json",)):
        (tool,) = json.loads(agx("tools", "import", "in.json", *more).out)["tools"]
        assert tool["schema"] == CITY


def test_a_refused_import_writes_nothing(agx: Agx, bad: str, tmp_path: Path) -> None:
    done = agx("tools", "import", bad, "-o", "out.json")
    assert done.code == 2
    assert "weather, /0/schema/properties/city/type: 'txt' is no type (and 2 more)" in done.err
    assert "agx tools check" in done.err
    assert not (tmp_path / "out.json").exists()
    error = json.loads(agx("tools", "import", bad, "--json").err)["error"]
    assert error["code"] == "RegistryInvalid"
    assert len(error["details"]["problems"]) == 3


def test_a_target_that_cannot_be_is_said_before_anything_is_read(agx: Agx) -> None:
    done = agx("tools", "import", "missing.json", "-o", "no-such-folder/out.json")
    assert "no-such-folder does not exist" in done.err


def test_a_terminal_gets_a_table(own: str) -> None:
    code, lines = in_terminal("list", "--tools", own)
    assert code == 0
    assert lines[0].split() == ["tool", "category", "risk", "description"]
    assert lines[2].split() == ["weather", "web", "network", "Tell", "the", "weather"]
    assert max(map(len, lines)) <= 100
    narrow = in_terminal("list", "--tools", own, columns=60)[1]
    assert narrow[0].split() == ["tool", "risk", "description"]
    assert in_terminal("list", "--tools", own, "nothing", "here")[1] == ["no tool fits"]


def test_a_terminal_gets_everything_about_a_command() -> None:
    _, lines = in_terminal("show", "grep", columns=70)
    facts = {line[2:17].strip(): line[18:] for line in lines[1:]}
    assert lines[0].startswith("grep: ")
    assert facts["exit codes"] == "0, 1"
    assert facts["standard input"] == "is read"
    assert facts["program"].endswith("/grep")
    assert "-f" in facts["with a file"].split()
    assert max(map(len, lines)) <= 70
    assert any("only a shell knows" in line for line in in_terminal("show", "cd")[1])


def test_a_terminal_gets_the_schema_of_a_function(own: str) -> None:
    _, lines = in_terminal("show", "weather", "--tools", own)
    assert lines[0] == "weather: Tell the weather"
    start = lines.index("  arguments") + 1
    assert json.loads("".join(lines[start:])) == CITY


def test_a_terminal_gets_two_lines_a_problem_and_nothing_that_acts_on_it(bad: str, own: str) -> None:
    code, lines = in_terminal("check", bad)
    assert code == 2
    assert lines[0] == "refused  weather  /0/schema/properties/city/type  'txt' is no type"
    assert lines[1].strip().startswith("-> the types are object, ")
    assert lines[-1] == "3 problems"
    assert not any("\x1b" in line for line in lines)
    assert in_terminal("check", own) == (0, ["ok: 3 tools"])


def test_a_wrong_mark_shows_every_one(agx: Agx) -> None:
    hint = agx("tools", "list", "--mark", "x").err
    assert all(risk in hint for risk in RISKS)


@pytest.mark.parametrize("command", ["", "list", "show", "check", "import"])
def test_help_has_examples(agx: Agx, command: str) -> None:
    assert (
        f"  agx tools {command}".rstrip()
        in agx("tools", *command.split(), "--help").out.split("Examples:")[1]
    )


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from agx.cli.app import run\n"
        "assert run(['tools', 'list', '--help']) == 0\n"
        "print({'pydantic', 'jsonschema', 'rich', 'llguidance'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stderr.strip() == "set()"


def test_a_tool_that_cannot_be_used_is_left_out_unless_all_have_to_be_strict(
    agx: Agx, tmp_path: Path
) -> None:
    tools = [{"name": "weather", "schema": {}}, {"name": "broken", "schema": {"type": "array"}}]
    (tmp_path / "mixed.json").write_text(json.dumps(tools))
    lenient = agx("tools", "list", "--tools", "mixed.json")
    assert listed(lenient.out) == ["weather"]
    assert "broken, /1/schema: it was left out: the schema is not that of an object" in lenient.err
    strict = agx("tools", "list", "--tools", "mixed.json", "--strict-tools")
    assert (strict.code, strict.out) == (2, "")
    assert "the schema is not that of an object" in strict.err
    assert agx("tools", "check", "mixed.json").code == 2
