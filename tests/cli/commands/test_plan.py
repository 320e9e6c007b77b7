"""`agx plan` with a scripted model: formats, files, roles, errors and their exit codes."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from agx.backends.scripted import ScriptedReply
from agx.errors import AgxError, BackendUnreachable, DeadlineExceeded, ModelMissing, OutOfMemory, PlanInvalid
from tests.cli.conftest import COUNT_LINES, Agx

INSTRUCTION = "list all rust files and count lines"
UNSORTED = '{"tasks":[{"command":"cat","args":["a"]},{"command":"uniq","args":[],"input_from_task":1}]}'


def test_a_pipe_gets_json(agx: Agx) -> None:
    """The plan alone is on stdout, and stderr is empty."""
    done = agx("plan", INSTRUCTION)
    assert (done.code, done.err) == (0, "")
    plan = json.loads(done.out)
    assert [task["command"] for task in plan["tasks"]] == ["find", "xargs"]
    assert plan["instruction"] == INSTRUCTION


def test_each_format_can_be_asked_for(agx: Agx) -> None:
    """--format names it; --json is the same as --format json."""
    written = "# risk: tasks 1, 2 reads\nfind . -name '*.rs' | xargs wc -l\n"
    assert agx("plan", INSTRUCTION, "--format", "shell").out == written
    assert "find . -name '*.rs'" in agx("plan", INSTRUCTION, "--format", "table").out
    assert json.loads(agx("plan", "--json", INSTRUCTION).out)["version"] == 1


def test_findings_go_to_stderr(agx: Agx) -> None:
    """In lines for people, and with --json as JSON lines."""
    warning = agx("plan", "x", replies=(UNSORTED,))
    assert json.loads(warning.out)["tasks"]
    assert warning.err.startswith(("warning: task 2: ", "advice: task 2: "))
    as_json = agx("plan", "x", "--json", replies=(UNSORTED,))
    assert [json.loads(line)["finding"]["task"] for line in as_json.err.splitlines()] == [2]


def test_options_reach_the_planner(agx: Agx) -> None:
    """Parameters, limits and models of the command line are those of the planner."""
    parameters = ["--temperature", "0.5", "--top-k", "4", "--seed", "7"]
    options = [*parameters, "--max-tasks", "3", "--timeout", "9", "--model", "m.gguf", "--device", "cpu"]
    done = agx("plan", INSTRUCTION, *options)
    config, request = done.config, done.backend.requests[0]
    assert config is not None
    assert (config.echo_model, config.delta_model, config.load.device) == ("m.gguf", "m.gguf", "cpu")
    assert (request.parameters.temperature, request.parameters.top_k, request.seed) == (0.5, 4, 7)
    assert (config.max_tasks, config.timeout_secs) == (3, 9.0)


def test_a_literal_word_after_two_dashes_is_planned(agx: Agx) -> None:
    """`agx plan -- list` plans "list"; the instruction arrives word for word."""
    done = agx("plan", "--json", "--", "list")
    assert json.loads(done.out)["instruction"] == "list"
    assert json.loads(agx("plan", "--", "--help").out)["instruction"] == "--help"


def test_a_file_holds_a_long_instruction(agx: Agx, tmp_path: Path) -> None:
    """100 kB of instruction come by file; its last line break is not a part of it."""
    text = "count lines " * 9000
    path = tmp_path / "instruction.txt"
    path.write_text(text + "\n", encoding="utf-8")
    assert json.loads(agx("plan", "--instruction-file", str(path)).out)["instruction"] == text


def test_output_goes_to_a_file_whole(agx: Agx, tmp_path: Path) -> None:
    """-o writes JSON unless a format is named, leaves nothing beside it, and keeps mode and link."""
    target, link = tmp_path / "plan.json", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    done = agx("plan", INSTRUCTION, "-o", str(link))
    assert (done.code, done.out) == (0, "")
    assert json.loads(target.read_text())["tasks"]
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "link", "plan.json"]
    agx("plan", INSTRUCTION, "-o", str(tmp_path / "p.sh"), "--format", "shell")
    assert (tmp_path / "p.sh").read_text() == "# risk: tasks 1, 2 reads\nfind . -name '*.rs' | xargs wc -l\n"


def test_a_failed_plan_leaves_the_old_file(agx: Agx, tmp_path: Path) -> None:
    """The file is touched only when there is a plan."""
    target = tmp_path / "plan.json"
    target.write_text("old")
    assert agx("plan", "x", "-o", str(target), replies=("nonsense",)).code == 3
    assert target.read_text() == "old"


def test_a_target_that_cannot_be_is_said_before_planning(agx: Agx, tmp_path: Path) -> None:
    """A missing folder and a folder as file are errors before anything is generated."""
    for target in (tmp_path / "no" / "plan.json", tmp_path):
        done = agx("plan", INSTRUCTION, "-o", str(target))
        assert (done.code, done.backend.requests) == (1, [])
        assert done.err.startswith("error: ")


def test_both_roles_say_what_delta_changed(agx: Agx) -> None:
    """With --role both the plan is Delta's, and each change stands on stderr."""
    better = COUNT_LINES.replace("*.rs", "*.txt")
    done = agx("plan", INSTRUCTION, "--role", "both", replies=(COUNT_LINES, better))
    assert json.loads(done.out)["metadata"]["role"] == "delta"
    assert done.err.startswith("delta: changed task 1: find . -name '*.rs' -> find . -name '*.txt'")


def test_a_draft_is_refined(agx: Agx, tmp_path: Path) -> None:
    """--draft implies the role delta; the instruction is the draft's own unless one is given."""
    draft = tmp_path / "draft.json"
    draft.write_text(agx("plan", INSTRUCTION).out, encoding="utf-8")
    done = agx("plan", "--draft", str(draft))
    assert json.loads(done.out)["instruction"] == INSTRUCTION
    assert done.backend.requests[0].messages[-2].role == "assistant"
    assert json.loads(agx("plan", "--draft", str(draft), "other").out)["instruction"] == "other"
    draft.write_text("no plan", encoding="utf-8")
    assert agx("plan", "--draft", str(draft)).code == 3


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("nonsense", 3),
        ('{"tasks":[{"command":"no-such-tool","args":[]}]}', 3),
        (ScriptedReply('{"tasks":[', finish_reason="length"), 3),
        (ModelMissing("there is no model file x", hint="give one"), 4),
        (BackendUnreachable("no connection", hint="start it"), 5),
        (DeadlineExceeded("time ran out", hint="allow more"), 6),
        (OutOfMemory("no memory", hint="close something"), 1),
    ],
    ids=["nonsense", "unknown tool", "truncated", "model", "unreachable", "deadline", "memory"],
)
def test_an_error_has_a_line_a_hint_and_its_exit_code(
    agx: Agx, reply: str | AgxError | ScriptedReply, code: int
) -> None:
    """Nothing is on stdout; stderr ends with `error:` and `hint:`, or with --json is JSON."""
    done = agx("plan", INSTRUCTION, replies=(reply,))
    assert (done.code, done.out) == (code, "")
    lines = done.err.splitlines()
    assert lines[-2].startswith("error: ")
    assert lines[-1].startswith("hint: ")
    as_json = agx("plan", INSTRUCTION, "--json", replies=(reply,))
    assert as_json.code == code
    error = json.loads(as_json.err)["error"]
    assert set(error) >= {"code", "message", "hint", "retryable"}


def test_findings_of_an_invalid_plan_come_before_its_error(agx: Agx) -> None:
    """Every finding is told, then the error."""
    error = PlanInvalid(
        "two things are wrong",
        hint="mend them",
        findings=[{"severity": "error", "task": 2, "message": "a\x1b[2J", "hint": ""}],
    )
    assert agx("plan", "x", replies=(error,)).err.splitlines() == [
        "error: task 2: a\\x1b[2J",
        "error: two things are wrong",
        "hint: mend them",
    ]


def test_a_finding_that_is_the_error_is_said_once(agx: Agx) -> None:
    """Its sentence and its hint are the error's; the same of another task is told."""
    reply = '{"tasks":[{"command":"sort","args":[]},{"command":"frob"},{"command":"frob"}]}'
    told = agx("plan", "x", replies=(reply,)).err.splitlines()
    assert [line.partition(" (")[0] for line in told] == [
        "error: task 3: there is no tool named 'frob'",
        "warning: task 1: no task reads its output",
        "error: the plan cannot be run: task 2: there is no tool named 'frob'",
        "hint: use a tool of the registry, or add this one to it",
    ]


def test_an_unexpected_failure_is_one_sentence(agx: Agx) -> None:
    """No traceback without --debug, and one with it."""

    def fail(_request: object) -> str:
        raise ZeroDivisionError("a bug")

    done = agx("plan", "x", replies=(fail,))
    assert done.code == 1
    assert done.err.splitlines() == [
        "error: AGX failed unexpectedly (ZeroDivisionError: a bug)",
        "hint: run it again with --debug to see where",
    ]
    assert "Traceback" in agx("plan", "x", "--debug", replies=(fail,)).err


def test_an_interrupt_is_130(agx: Agx) -> None:
    """Ctrl-C ends quietly."""

    def interrupt(_request: object) -> str:
        raise KeyboardInterrupt

    done = agx("plan", "x", replies=(interrupt,))
    assert (done.code, done.out, done.err.strip()) == (130, "", "")


def test_a_home_that_cannot_be_written_does_not_matter(agx: Agx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planning needs nothing from it; that the plan is not kept is said in one line."""
    monkeypatch.setenv("AGX_HOME", os.devnull)
    done = agx("plan", INSTRUCTION)
    assert done.code == 0
    assert [line.partition(": ")[0] for line in done.err.splitlines()] == ["warning"]


def test_an_odd_variable_is_a_warning(agx: Agx, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once, on stderr, and planning goes on; with --draft as well."""
    monkeypatch.setenv("AGX_TEMPERATUR", "1")
    done = agx("plan", INSTRUCTION)
    assert done.code == 0
    assert (
        done.err
        == "warning: the variable AGX_TEMPERATUR means nothing to agx; did you mean AGX_TEMPERATURE?\n"
    )


def test_a_file_of_tools_is_what_is_planned_with(agx: Agx, tmp_path: Path) -> None:
    """Other tools are then unknown; a file that cannot be used is exit code 2."""
    tools = tmp_path / "tools.json"
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tools.write_text(json.dumps([{"name": "weather", "description": "Tells it.", "schema": schema}]))
    weather = '{"tasks":[{"command":"weather","arguments":{"city":"Rome"}}]}'
    done = agx("plan", "x", "--tools", str(tools), replies=(weather,))
    assert done.code == 0, done.err
    assert json.loads(done.out)["tasks"][0]["arguments"] == {"city": "Rome"}
    assert agx("plan", "x", "--tools", str(tools)).code == 3
    as_shell = agx("plan", "x", "--tools", str(tools), "--format", "shell", replies=(weather,))
    assert as_shell.code == 2
    dialect = agx("plan", "x", "--tools", str(tools), "--dialect", "shell")
    assert dialect.code == 2
    assert "commands only" in dialect.err
    tools.write_text("[")
    assert agx("plan", "x", "--tools", str(tools)).code == 2
    assert agx("plan", "x", "--tools", str(tmp_path / "missing.json")).code == 2
