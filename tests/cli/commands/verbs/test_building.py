"""A plan that is built step by step: the verbs of `agx plan`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agx.cli.commands.plan import VERBS
from agx.plan.open_plan import OpenPlan
from agx.store.buffer import PlanBuffer
from tests.cli.conftest import COUNT_LINES, Agx, Done
from tests.plan.helpers import task

FIND = '{"tasks":[{"command":"find","args":[".","-name","*.rs"]}]}'
SORT_UNIQ = '{"tasks":[{"command":"sort","args":[]},{"command":"uniq","args":[],"input_from_task":1}]}'


def commands(done: Done) -> list[tuple[str, int | None]]:
    """Return each task of the plan that was printed: its command, and what it reads."""
    assert done.code == 0, done.err
    return [(one["command"], one.get("input_from_task")) for one in json.loads(done.out)["tasks"]]


def buffer_in(folder: Path) -> PlanBuffer:
    return PlanBuffer(folder / "home" / "buffer.json")


def test_a_plan_is_built_step_by_step(agx: Agx) -> None:
    """Begun, planned in two steps, seen as shell text, changed and taken back."""
    assert commands(agx("plan", "new")) == []
    assert commands(agx("plan", "add", "find rust files", replies=(FIND,))) == [("find", None)]
    piped = agx("plan", "add", "--pipe", "sort them", replies=(SORT_UNIQ,))
    assert commands(piped) == [("find", None), ("sort", 1), ("uniq", 2)]
    assert "done: added tasks 2: sort (input: task 1); 3: uniq" in piped.err
    assert (
        agx("plan", "preview", "--format", "shell").out.splitlines()[-1]
        == "find . -name '*.rs' | sort | uniq"
    )
    assert commands(agx("plan", "remove", "2", "--reconnect")) == [("find", None), ("uniq", 1)]
    assert commands(agx("plan", "undo")) == [("find", None), ("sort", 1), ("uniq", 2)]
    undone = agx("plan", "undo", "3", "--json")
    assert json.loads(undone.out) is None
    assert [json.loads(line)["done"].partition(" ")[2][:5] for line in undone.err.splitlines()] == [
        "added",
        "added",
        "began",
    ]


def test_the_model_has_the_tasks_in_view(agx: Agx) -> None:
    """What is there stands in the prompt; what is to be read is described as input data."""
    agx("plan", "add", "--command", "cat names.txt | sort")
    done = agx(
        "plan", "add", "--input-from", "2", "drop duplicates", "--max-tasks", "3", replies=(SORT_UNIQ,)
    )
    assert commands(done) == [("cat", None), ("sort", 1), ("sort", 2), ("uniq", 3)]
    system, *_, user = done.backend.requests[0].messages
    assert '"command": "cat"' in system.content
    assert "the output of: sort" in system.content
    assert user.content == "drop duplicates"


def test_added_tasks_read_an_earlier_one_only_when_told(agx: Agx) -> None:
    agx("plan", "add", "--command", "ls")
    assert commands(agx("plan", "add", "x", replies=(SORT_UNIQ,)))[1:] == [("sort", None), ("uniq", 2)]


def test_given_tasks_need_no_model(agx: Agx) -> None:
    """Shell text keeps its own connections; JSON has the numbers of the plan as it will stand."""
    done = agx("plan", "add", "--command", "grep -r TODO . | wc -l > n.txt", replies=())
    assert [one.get("save_to") for one in json.loads(done.out)["tasks"]] == [None, "n.txt"]
    assert commands(agx("plan", "add", "--command", "sort a", replies=()))[2:] == [("sort", None)]
    rows = [
        {"command": "uniq", "input_from_task": 3},
        {"command": "wc", "args": [{"task": 4}], "timeout_secs": 7},
    ]
    shown = agx("plan", "add", "--task", json.dumps(rows), replies=())
    assert commands(shown)[3:] == [("uniq", 3), ("wc", None)]
    assert json.loads(shown.out)["tasks"][4]["timeout_secs"] == 7
    assert json.loads(shown.out)["instruction"] == (
        'grep -r TODO . | wc -l > n.txt, then sort a, then uniq | wc "$(task 4)"'
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["add"], 2, "there is nothing to add"),
        (["add", "x", "--command", "ls"], 2, "several things"),
        (["add", "--command", "ls; ps"], 3, "joins commands"),
        (["add", "--command", "no-such-tool -x"], 3, "no tool named 'no-such-tool'"),
        (["add", "--pipe", "--input-from", "1", "x"], 2, "contradict"),
        (["add", "--input-from", "9", "--command", "sort"], 2, "there is no task 9"),
        (["add", "--pipe", "--task", "{}"], 2, "says what it reads"),
        (["add", "--task", "{"], 2, "no JSON"),
        (["add", "--task", "[]"], 2, "no tasks in this list"),
        (["add", "--task", "[1]"], 2, "a task is a JSON object"),
        (["add", "--task", '{"command": "sort", "bogus": 1}'], 3, "bogus"),
        (["add", "--task", '{"command": "sort", "input_from_task": 3}'], 3, "not an earlier task"),
        (["add", "--role", "delta", "x"], 2, "the role delta refines"),
        (["add", " "], 2, "the instruction is empty"),
        (["new", "other"], 2, "there is an unfinished plan with 2 tasks"),
        (["new", "--from", "missing", "--force"], 2, "no stored plan has the id 'missing'"),
        (["new", "--tools", "missing.toml", "--force"], 2, "missing.toml"),
        (["remove", "1"], 2, "task 2 reads the output of task 1"),
        (["remove", "3"], 2, "there is no task 3"),
        (["remove", "1", "--cascade", "--reconnect"], 2, "contradict"),
        (["move", "2", "1"], 2, "task 2 reads task 1, and would stand before it"),
        (["move", "1", "7"], 2, "there is no place 7"),
        (["edit", "1", "--command", "ls | wc"], 2, "this makes 2 tasks"),
        (["edit", "1", "--task", "[]"], 2, "there is no task in this list"),
        (["edit", "1", "--input-from", "2"], 3, "not an earlier task"),
        (["edit", "1", "--timeout-secs", "0"], 3, "greater than or equal to 1"),
        (["edit", "1", "--save-to", "x"], 3, "whose output goes to a file"),
        (["edit", "1", "--task", "{}", "--command", "x"], 2, "--command and --task contradict"),
        (["edit", "1", "--no-input", "--input-from", "1"], 2, "--input-from and --no-input contradict"),
        (["edit", "1", "--save-to", "x", "--append-to", "y"], 2, "--save-to and --append-to contradict"),
        (["edit", "1", "--append-to", "y", "--no-save"], 2, "--append-to and --no-save contradict"),
        (["edit", "5", "--command", "ls"], 2, "there is no task 5"),
        (["edit", "--command", "ls"], 2, "the options are for one task"),
        (["edit", "--instruction", " "], 2, "the instruction is empty"),
        (["edit", "1"], 2, "no terminal"),
        (["undo", "0"], 2, "0 is not in the range"),
        (["undo", "9"], 2, "9 changes cannot be undone"),
        (["preview", "--format", "xml"], 2, "'xml' is not one of"),
        (["validate", "--role", "echo"], 2, "--role echo does not validate"),
        (["get", "x"], 2, "no stored plan has the id 'x'"),
        (["get"], 2, "missing argument"),
        (["list", "--limit", "0"], 2, "0 is not in the range"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_done_changes_nothing(
    agx: Agx, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    """One sentence, a hint, the exit code; and the file is what it was, byte for byte."""
    agx("plan", "add", "--command", "find . | sort")
    before = buffer_in(tmp_path).path.read_bytes()
    done = agx("plan", *arguments)
    assert (done.code, done.out) == (code, ""), done.err
    assert message in done.err
    assert done.err.splitlines()[-1].startswith("hint: ")
    assert buffer_in(tmp_path).path.read_bytes() == before


@pytest.mark.parametrize(
    "verb", ["preview", "remove 1", "move 1 1", "undo", "validate", "edit 1 --timeout-secs 3"]
)
def test_without_a_plan_there_is_a_hint(agx: Agx, verb: str) -> None:
    done = agx("plan", *verb.split())
    assert done.code == 2
    assert "agx plan new" in done.err


def test_a_verb_with_the_words_of_an_instruction_says_how_to_plan_it(agx: Agx) -> None:
    """`agx plan move a.txt to b` is not obeyed, and not left without a way on."""
    for words in (
        "remove duplicates",
        "move a.txt to b",
        "list all files",
        "add up all numbers",
        "get the date now",
    ):
        done = agx("plan", *words.split())
        assert done.code == 2
        assert f'agx plan "{words}"' in done.err


def test_a_task_is_changed_by_options(agx: Agx) -> None:
    agx("plan", "add", "--command", "find . | sort | uniq")
    timed = agx("plan", "edit", "2", "--command", "sort -rn", "--timeout-secs", "9")
    assert timed.err.endswith("done: changed task 2: sort -rn (input: task 1), at most 9 s\n")
    done = agx("plan", "edit", "3", "--input-from", "1", "--append-to", "log")
    second, third = json.loads(done.out)["tasks"][1:]
    assert (second["args"], second["input_from_task"], second["timeout_secs"]) == (["-rn"], 1, 9)
    assert (third["input_from_task"], third["append_to"]) == (1, "log")
    third = json.loads(agx("plan", "edit", "3", "--command", "ls > out").out)["tasks"][2]
    assert (third["save_to"], "append_to" in third) == ("out", False)
    third = json.loads(agx("plan", "edit", "3", "--no-input", "--save-to", "out").out)["tasks"][2]
    assert {"input_from_task", "append_to"}.isdisjoint(third)
    assert third["save_to"] == "out"
    third = json.loads(agx("plan", "edit", "3", "--no-save", "--task", '{"command": "ls"}').out)["tasks"][2]
    assert third["command"] == "ls"
    named = agx("plan", "edit", "--instruction", "count all")
    assert json.loads(named.out)["instruction"] == "count all"


def test_findings_are_told_with_every_change(agx: Agx) -> None:
    """Warnings do not refuse anything; they are on stderr, as for a plan that was planned."""
    done = agx("plan", "add", "--command", "ls | head -n 3")
    assert "warning" not in done.err
    assert "warning: task 1: no task reads its output" in agx("plan", "edit", "2", "--no-input").err


def test_what_is_taken_otherwise_than_by_a_shell_is_told(agx: Agx) -> None:
    """As `agx plan import` does, with the numbers of the plan as it stands."""
    agx("plan", "add", "--command", "ls")
    added = agx("plan", "add", "--command", "cat x | find . -name *.c")
    assert "advice: task 3: *.c goes to the tool as it is\n" in added.err
    assert added.err.splitlines()[-1].startswith("done: ")
    changed = agx("plan", "edit", "2", "--command", "cat $X 2>/dev/null")
    assert [line for line in changed.err.splitlines() if line.startswith("advice: task 2: `")] == [
        "advice: task 2: `2>/dev/null` is left out: error output is never part of a task's output",
        "advice: task 2: `$X` is one argument; without quotes a shell splits it",
    ]


def test_validate_takes_in_what_delta_changed(agx: Agx) -> None:
    """As one JSON object; undo brings the plan before it back, and the plan is stored."""
    agx("plan", "add", "--command", "find . -name '*.rs'")
    agx("plan", "add", "--command", "ls")
    agx("plan", "edit", "1", "--timeout-secs", "7")
    shown = agx("plan", "validate", "--dry-run", "--json")
    done = agx("plan", "validate", "--json")
    for report, stored in ((json.loads(shown.out), False), (json.loads(done.out), True)):
        assert [(one["kind"], one["after"] and one["after"]["command"]) for one in report["changes"]] == [
            ("changed", "xargs")
        ]
        assert report["summary"] == {"text": "1 changed", "changed": 1}
        assert [one["timeout_secs"] for one in report["plan"]["tasks"]] == [7, 300]
        assert report["plan"]["metadata"]["role"] == "delta"
        assert (report["stored"] is not None) == stored
    draft = done.backend.requests[0].messages[-2]
    assert draft.role == "assistant"
    assert '"ls"' in draft.content
    assert commands(agx("plan", "preview")) == [("find", None), ("xargs", 1)]
    stored = json.loads(Path(json.loads(done.out)["stored"]).read_text())
    assert stored["plan_id"] == json.loads(done.out)["plan"]["plan_id"]
    assert commands(agx("plan", "undo")) == [("find", None), ("ls", None)]


def test_validate_tells_people_line_by_line(agx: Agx) -> None:
    agx("plan", "new", "count the lines of rust files")
    agx("plan", "add", "--command", "ls | wc")
    moved = '{"tasks":[{"command":"wc","args":[]},{"command":"ls","args":[]}]}'
    done = agx("plan", "validate", "--dry-run", replies=(moved,))
    assert commands_in(done) == ["wc", "ls"]
    assert done.err.splitlines() == [
        "delta: moved draft task 2 to 1: wc",
        "delta: 1 moved",
    ]
    done = agx("plan", "validate", replies=(moved,))
    assert done.err.splitlines()[-1].startswith("done: stored as plan_")
    assert done.backend.requests[0].messages[-3].content == "count the lines of rust files"


def commands_in(done: Done) -> list[str]:
    return [one["command"] for one in json.loads(done.out)["plan"]["tasks"]]


def test_validate_without_a_purpose_or_a_model_asks_the_rules(agx: Agx, tmp_path: Path) -> None:
    plan = OpenPlan.begun(tasks=[task("ls")])
    buffer_in(tmp_path).change(lambda _plan: (plan, "began"))
    done = agx("plan", "validate", replies=())
    assert (done.code, done.backend.requests) == (0, [])
    assert "nothing says what the plan is for" in done.err
    agx("plan", "edit", "--instruction", "list files")
    done = agx("plan", "validate", "--rules-only", replies=())
    assert (done.code, "warning" in done.err) == (0, False)
    assert len(json.loads(agx("plan", "list", "--json").out)) == 2, "a changed plan is another one"


def test_what_delta_spoils_is_not_taken_in(agx: Agx, tmp_path: Path) -> None:
    agx("plan", "add", "--command", "ls")
    before = buffer_in(tmp_path).path.read_bytes()
    for reply in ("nonsense", '{"tasks":[{"command":"no-such-tool","args":[]}]}'):
        assert agx("plan", "validate", replies=(reply,)).code == 3
    assert buffer_in(tmp_path).path.read_bytes() == before


def test_another_process_may_change_the_plan_meanwhile(agx: Agx, tmp_path: Path) -> None:
    """While the model works: more tasks do not hurt an `add`; what is not the same is refused."""
    buffer = buffer_in(tmp_path)

    def meanwhile(text: str, *, with_tasks: list[Any]) -> Any:
        def reply(_request: object) -> str:
            buffer.change(lambda plan: ((plan or OpenPlan.begun()).with_tasks(with_tasks), "meanwhile"))
            return text

        return reply

    agx("plan", "add", "--command", "ls")
    ls, ps = task("ls"), task("ps", number=2)
    done = agx("plan", "add", "--pipe", "x", replies=(meanwhile(SORT_UNIQ, with_tasks=[ls, ps]),))
    assert commands(done) == [("ls", None), ("ps", None), ("sort", 1), ("uniq", 3)]
    for arguments in (("add", "--pipe", "x"), ("validate",)):
        done = agx("plan", *arguments, "--json", replies=(meanwhile(FIND, with_tasks=[ls]),))
        assert done.code == 2
        error = json.loads(done.err.splitlines()[-1])["error"]
        assert "changed by another process" in error["message"]
        assert error["retryable"]
        agx("plan", "add", "--command", "df")
    assert commands(agx("plan", "preview")) == [("ls", None), ("df", None)]


def test_a_new_plan_does_not_throw_the_old_away(agx: Agx, tmp_path: Path) -> None:
    """Not without --force, and then undo brings it back; a finished one needs no force."""
    agx("plan", "add", "--command", "ls")
    assert agx("plan", "new").code == 2
    assert commands(agx("plan", "new", "count", "--force")) == []
    assert commands(agx("plan", "undo")) == [("ls", None)]
    agx("plan", "validate", "--rules-only")
    stored = json.loads(agx("plan", "list").out)[0]["plan_id"]
    again = agx("plan", "new", "--from", stored)
    assert commands(again) == [("ls", None)]
    assert json.loads(again.out)["plan_id"] != stored
    agx("plan", "preview", "-o", "plan.json")
    assert commands(agx("plan", "new", "--force", "--from", "plan.json", "other")) == [("ls", None)]
    buffer_in(tmp_path).path.write_text("{")
    assert agx("plan", "new").code == 1
    done = agx("plan", "new", "--force")
    assert "warning: the plan that was being built could not be read" in done.err
    assert (tmp_path / "home" / "buffer.json.unreadable").read_text() == "{"


def test_a_plan_is_built_with_tools_of_its_own(agx: Agx, tmp_path: Path) -> None:
    """The file of tools is remembered, from whatever folder the next verb is called."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    (tmp_path / "tools.json").write_text(
        json.dumps([{"name": "weather", "description": "Tells it.", "schema": schema}])
    )
    agx("plan", "new", "--tools", "tools.json")
    assert agx("plan", "add", "--command", "ls").code == 3
    call = '{"command":"weather","arguments":{"city":"Rome"}}'
    added = agx("plan", "add", "the weather", replies=(f'{{"tasks":[{call}]}}',))
    assert commands(added) == [("weather", None)]
    assert added.err == 'done: added task 1: weather {"city": "Rome"}\n'
    assert agx("plan", "edit", "1", "--task", '{"command":"weather","arguments":{}}').code == 3
    (tmp_path / "tools.json").unlink()
    done = agx("plan", "preview")
    assert done.code == 2
    assert "tools.json" in done.err


def test_shell_text_knows_the_exit_codes_of_the_plans_own_tools(agx: Agx, tmp_path: Path) -> None:
    """What is no failure of a tool does not end the script."""
    (tmp_path / "tools.json").write_text(
        json.dumps([{"name": "probe", "description": "Probes.", "exit_codes": [0, 3]}])
    )
    agx("plan", "new", "--tools", "tools.json")
    for _ in range(2):
        agx("plan", "add", "--command", "probe")
    shown = agx("plan", "preview", "--format", "shell").out
    assert shown.splitlines()[1:] == ["{ probe || [ $? -eq 3 ]; } &&", "probe"]


def test_a_buffer_can_be_named(agx: Agx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--buffer, or a variable, which is known to agx."""
    agx("plan", "add", "--command", "ls", "--buffer", "one.json")
    monkeypatch.setenv("AGX_PLAN_BUFFER", str(tmp_path / "two.json"))
    assert agx("plan", "add", "--command", "ps").err == "done: added task 1: ps\n"
    assert commands(agx("plan", "preview")) == [("ps", None)]
    assert commands(agx("plan", "preview", "--buffer", "one.json")) == [("ls", None)]


def test_plans_are_recorded_and_found(agx: Agx) -> None:
    """Every plan of `agx plan "…"` is; `list` searches, `get` takes the beginning of an id."""
    for instruction, reply in (("count rust lines", COUNT_LINES), ("sort names", SORT_UNIQ)):
        assert agx("plan", instruction, replies=(reply,)).err.count("done") == 0
    rows = json.loads(agx("plan", "list").out)
    assert [row["instruction"] for row in rows] == ["sort names", "count rust lines"]
    assert [row["commands"] for row in json.loads(agx("plan", "list", "--search", "RUST", "--json").out)] == [
        ["find", "xargs"]
    ]
    assert len(json.loads(agx("plan", "list", "--limit", "1").out)) == 1
    plan_id = rows[1]["plan_id"]
    got = agx("plan", "get", plan_id[:-1])
    assert json.loads(got.out)["plan_id"] == plan_id
    assert (
        agx("plan", "get", plan_id, "--format", "shell").out.splitlines()[-1]
        == "find . -name '*.rs' | xargs wc -l"
    )
    assert agx("plan", "get", "plan_").code == 2
    Path(rows[0]["path"]).write_text("{")
    again = agx("plan", "list")
    assert len(json.loads(again.out)) == 1
    assert "warning: " in again.err
    assert "holds no plan" in again.err


def test_recording_can_be_switched_off(agx: Agx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By option, variable or file, where a truth value does as well."""
    agx("plan", "x", "--record", "off")
    monkeypatch.setenv("AGX_RECORD", "0")
    agx("plan", "x")
    monkeypatch.delenv("AGX_RECORD")
    (tmp_path / "agx.toml").write_text("record = false")
    agx("plan", "x")
    agx("plan", "add", "--command", "ls")
    assert json.loads(agx("plan", "validate", "--rules-only", "--json").out)["stored"] is None
    assert not (tmp_path / "home" / "plans").exists()


def test_where_nothing_can_be_kept_planning_still_works(
    agx: Agx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says what is missing; a plan that is built needs a place, and says so."""
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("AGX_HOME", str(tmp_path / "file" / "home"))
    done = agx("plan", "x")
    assert (done.code, len(done.err.splitlines())) == (0, 1)
    assert done.err.startswith("warning: the plan is not recorded: ")
    assert agx("plan", "x", "--record", "off").err == ""
    done = agx("plan", "add", "--command", "ls")
    assert done.code == 1
    assert "AGX_HOME" in done.err
    assert json.loads(agx("plan", "list").out) == []


def test_help_lists_the_verbs(agx: Agx) -> None:
    """`agx plan --help` has each with its sentence, and each has a help of its own."""
    shown = agx("plan", "--help")
    assert shown.code == 0
    for verb, command in VERBS.items():
        assert f"  {verb} " in shown.out
        assert command.help
        assert command.help in " ".join(shown.out.split())
        own = agx("plan", verb, "--help")
        assert own.out.startswith(f"Usage: agx plan {verb} ")
