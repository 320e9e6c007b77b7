"""Reading and checking plans: every accepted form, what is noted, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agx.errors import AgxError, PlanInvalid
from agx.plan.schema import MAX_TASKS, Plan, PlanMetadata
from agx.rules.check import read_draft, read_plan
from agx.unix.registry import unix_registry
from tests.plan.helpers import function_registry, plan_of

UNIX = unix_registry()
CHAINED: list[dict[str, Any]] = [
    {"command": "sort", "args": ["-r", "a.txt"]},
    {"command": "uniq", "args": [], "input_from_task": 1},
]
NOT_CHAINED: list[dict[str, Any]] = [CHAINED[0], {"command": "uniq", "args": []}]


def written(source: Any) -> list[dict[str, Any]]:
    """Return the tasks of a plan that is read, as a model writes them."""
    return [task.written() for task in read_plan(source, UNIX)[0].tasks]


FORMS: dict[str, Any] = {
    "as a model writes it": {"tasks": CHAINED},
    "list of tasks": CHAINED,
    "cmd and args": {"plan": [{"cmd": "sort", "args": ["-r", "a.txt"]}, {"cmd": "uniq"}]},
    "words": {"plan": ["sort -r 'a.txt'", "uniq"]},
    "mixed": {"plan": ["sort -r a.txt", {"tool": "uniq"}]},
    "older names": {
        "tasks": [
            {"step_number": 1, "command": "sort", "args": ["-r", "a.txt"]},
            {"step_number": 2, "command": "uniq", "input_from_step": 1},
        ]
    },
    "steps": {"steps": [{"step": 1, **CHAINED[0]}, {"step": 2, "cmd": "uniq", "input_from_step": 1}]},
    "nulls": {"tasks": [{**CHAINED[0], "input_from_task": None}, {**CHAINED[1], "save_to": None}]},
}


@pytest.mark.parametrize("source", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("wrapping", ["{}", "```json\n{}\n```", "Here is the plan:\n\n{}\n\nGood luck!"])
def test_every_accepted_form_is_the_same_plan(source: Any, wrapping: str) -> None:
    assert written(source) == CHAINED
    assert written(wrapping.replace("{}", json.dumps(source, indent=1))) == CHAINED


def test_a_plan_that_was_written_is_read_as_it_was() -> None:
    metadata = PlanMetadata(backend="scripted", model="none")
    plan, findings = read_plan({"tasks": CHAINED}, UNIX, instruction="sort it", metadata=metadata)
    again, _ = read_plan(plan.to_dict(), UNIX)
    assert again == plan
    assert findings == ()
    assert (plan.instruction, plan.metadata) == ("sort it", metadata)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"tasks": ["ls"]}, []),
        (["ls"], []),
        ({"plan": ["ls", "wc"]}, ["`plan` was read as `tasks`, each task reading the one before"]),
        ({"steps": ["ls"]}, ["`steps` was read as `tasks`"]),
        ({"tasks": [{"cmd": "ls"}, {"cmd": "pwd"}]}, ["`cmd` was read as `command`"]),
    ],
)
def test_older_forms_are_noted_once(source: Any, said: list[str]) -> None:
    metadata = PlanMetadata(backend="scripted", model="none")
    plan, findings = read_plan(source, UNIX, metadata=metadata)
    notes = [(found.severity, found.message) for found in findings if found.rule == "normalised"]
    assert notes == [("advice", sentence) for sentence in said]
    assert plan.metadata is not None
    assert plan.metadata.normalised == tuple(said)


def test_one_task_alone_is_a_plan() -> None:
    assert written({"command": "ls"}) == [{"command": "ls", "args": []}]


def test_steps_are_chained_only_in_the_short_forms_and_where_none_says_otherwise() -> None:
    assert written({"tasks": NOT_CHAINED}) == NOT_CHAINED
    three = [{"cmd": "sort"}, {"cmd": "uniq"}, {"cmd": "wc", "input_from_step": 1}]
    assert [row.get("input_from_task") for row in written({"plan": three})] == [None, None, 1]


def test_words_with_an_open_quote_are_split_at_spaces() -> None:
    assert written({"plan": ["echo it's"]}) == [{"command": "echo", "args": ["it's"]}]


def test_unknown_keys_become_findings() -> None:
    source = {"tasks": [{"command": "ls", "why": "to see"}], "mood": "good"}
    plan, findings = read_plan(source, UNIX)
    assert plan.tasks[0].command == "ls"
    assert [(found.rule, found.severity, found.task) for found in findings] == [
        ("unknown-key", "warning", 1),
        ("unknown-key", "warning", None),
    ]
    assert "'why'" in findings[0].message
    assert "'mood'" in findings[1].message


def test_a_flood_of_unknown_keys_is_not_told_one_by_one() -> None:
    _, findings = read_plan({"tasks": ["ls"], **{f"k{number}": 1 for number in range(10**4)}}, UNIX)
    assert 0 < len(findings) < 50


def test_risk_in_the_input_is_ignored() -> None:
    source = {"tasks": [{"command": "rm", "args": ["x"], "risk": ["reads"]}]}
    assert read_plan(source, UNIX)[0].tasks[0].risk == ("destructive",)
    assert written({"tasks": [{"command": "ls", "risk": "what?"}]})


def test_limits_and_ids_of_a_file_are_kept() -> None:
    row = {"task_number": 1, "command": "ls", "timeout_secs": 7}
    source = {"version": 1, "plan_id": "plan_abc", "instruction": "look", "tasks": [row]}
    plan, _ = read_plan(source, UNIX)
    assert (plan.plan_id, plan.instruction, plan.tasks[0].timeout_secs) == ("plan_abc", "look", 7)
    assert read_plan(source, UNIX, instruction="mine")[0].instruction == "mine"


def test_missing_ids_and_instructions_are_filled_in() -> None:
    plan, _ = read_plan({"plan_id": None, "instruction": None, "tasks": ["ls"]}, UNIX)
    assert plan.plan_id.startswith("plan_")
    assert plan.instruction == ""


REFUSED: dict[str, Any] = {
    "no tasks": {"tasks": []},
    "tasks as text": {"tasks": "ls"},
    "tasks as null": {"tasks": None},
    "an empty object": {},
    "a number": 5,
    "bytes": b"ls",
    "a list of numbers": [1, 2],
    "a task that is a list": {"tasks": [["ls"]]},
    "an empty command": {"plan": [""]},
    "no command": {"tasks": [{"args": ["x"]}]},
    "an unknown tool": {"tasks": [{"command": "frobnicate"}]},
    "a tool with a path": {"tasks": [{"command": "/bin/ls"}]},
    "a later task": {"tasks": [{"command": "wc", "input_from_task": 2}, {"command": "ls"}]},
    "itself": {"tasks": [{"command": "wc", "input_from_task": 1}]},
    "itself in text": {"tasks": [{"command": "echo", "args": [{"text": ["a", {"task": 1}]}]}]},
    "a task that is not there": {"tasks": [{"command": "echo", "args": [{"task": 9}]}]},
    "an output in a file": {"tasks": [{"command": "ls", "save_to": "a"}, CHAINED[1]]},
    "an appended output": {"tasks": [{"command": "ls", "append_to": "a"}, CHAINED[1]]},
    "wrong numbers": {"tasks": [{"task_number": 1, "command": "ls"}, {"task_number": 1, "command": "wc"}]},
    "numbers out of order": {"tasks": [{"step": 2, "command": "ls"}, {"step": 1, "command": "wc"}]},
    "a number as text": {"tasks": [{"command": "ls"}, {"command": "wc", "input_from_task": "1"}]},
    "a number as argument": {"tasks": [{"command": "head", "args": ["-n", 5]}]},
    "args and arguments": {"tasks": [{"command": "ls", "args": ["a"], "arguments": {"b": 1}}]},
    "arguments of a command": {"tasks": [{"command": "ls", "arguments": {"b": 1}}]},
    "save_to and append_to": {"tasks": [{"command": "ls", "save_to": "a", "append_to": "b"}]},
    "NUL": {"tasks": [{"command": "echo", "args": ["a\0b"]}]},
    "a later version": {"version": 2, "tasks": ["ls"]},
    "an instruction of numbers": {"instruction": 5, "tasks": ["ls"]},
    "a plan_id of another form": {"plan_id": "x y", "tasks": ["ls"]},
    "metadata of another form": {"metadata": {"mood": "good"}, "tasks": ["ls"]},
    "65 tasks": {"tasks": ["ls"] * (MAX_TASKS + 1)},
    "a million tasks": {"tasks": [{}] * 10**6},
}  # fmt: skip


@pytest.mark.parametrize("source", REFUSED.values(), ids=REFUSED)
def test_what_is_no_valid_plan_is_refused_with_a_sentence(source: Any) -> None:
    with pytest.raises(PlanInvalid) as caught:
        read_plan(source, UNIX)
    assert caught.value.message
    json.dumps(caught.value.as_dict())


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


FACTS = {"backend": "b", "model": "m"}
circular: dict[str, Any] = {}
circular["tasks"] = [circular]

HOSTILE: dict[str, Any] = {
    "100k brackets": "[" * 10**5,
    "100k objects": '{"tasks":' * 10**5,
    "100k brackets in a task": '{"tasks":[{"command":"ls","args":[' + "[" * 10**5,
    "900 brackets": '{"tasks":[{"command":"ls","arguments":{"a":' + "[" * 900 + "]" * 900 + "}}]}",
    "huge number": '{"tasks":[{"command":"ls","timeout_secs":' + "9" * 10**5 + "}]}",
    "large number": '{"tasks":[{"command":"ls","timeout_secs":' + "9" * 400 + "}]}",
    "infinite number": '{"tasks":[{"command":"ls","timeout_secs":1e999}]}',
    "infinite argument": '{"tasks":[{"command":"ls","arguments":{"a":1e999}}]}',
    "NaN": '{"tasks":[{"command":"ls","arguments":{"a":NaN}}]}',
    "escaped surrogate": '{"tasks":[{"command":"echo","args":["\\ud800"]}]}',
    "surrogate": '{"tasks":[{"command":"echo","args":["\ud800"]}]}',
    "surrogate command": {"tasks": [{"command": "\ud800"}]},
    "surrogate key": {"tasks": [{"command": "ls", "arguments": {"\ud800": 1}}]},
    "surrogate metadata": {"tasks": ["ls"], "metadata": {"\ud800": 1}},
    "surrogate in the text around": "\ud800 no plan",
    "keys that are no text": {"tasks": [{"command": "ls", "arguments": {1: {2: 3}}}]},
    "mixed keys": {"tasks": [{None: 1}], 5: 6, "a": 7, (1, 2): 3},
    "deep value": {"tasks": nested(10**5)},
    "deep arguments": {"tasks": [{"command": "ls", "arguments": {"a": nested(500)}}]},
    "deep metadata": {"tasks": ["ls"], "metadata": {**FACTS, "parameters": {"a": nested(500)}}},
    "circular": circular,
    "objects": {"tasks": [object()]},
    "many wrong arguments": {"tasks": [{"command": "ls", "args": [5] * 256}] * 64},
    "text of 5 MB": "x" * (5 << 20),
}  # fmt: skip


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("read", [read_plan, read_draft], ids=["plan", "draft"])
def test_hostile_input_is_a_typed_error_and_nothing_else(source: Any, read: Any) -> None:
    with pytest.raises(PlanInvalid) as caught:
        read(source, UNIX)
    assert isinstance(caught.value, AgxError)
    assert len(caught.value.message) < 500
    assert len(caught.value.findings) <= 20


def test_strange_keys_of_a_good_plan_are_only_noted() -> None:
    source: dict[Any, Any] = {"tasks": [{"command": "ls", 1: 2}], 5: 6, "\ud800": 7}
    _, findings = read_plan(source, UNIX)
    assert len(findings) == 3
    assert all(found.message.encode() for found in findings)


def test_the_reason_names_task_and_place_once_for_each_argument() -> None:
    with pytest.raises(PlanInvalid) as caught:
        read_plan({"tasks": ["ls", {"command": "ls", "args": [5, "ok", {"glob": 1}]}]}, UNIX)
    findings = caught.value.findings
    assert [(found["task"], found["message"].partition(":")[0]) for found in findings] == [
        (2, "tasks.1.args.0"),
        (2, "tasks.1.args.2"),
    ]
    alone = _refusal({"tasks": [{"command": "echo", "args": ["\0"]}]})
    assert "NUL" in alone.message
    assert len(alone.findings) == 1, "that no task is left is no news"


def _refusal(source: Any) -> PlanInvalid:
    with pytest.raises(PlanInvalid) as caught:
        read_plan(source, UNIX)
    return caught.value


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"tasks": [{"command": "ls", "args": "-l"}]}, "tasks.0.args: it is no list"),
        ({"tasks": [{"command": "ls", "arguments": []}]}, "tasks.0.arguments: it is no object"),
        ({"tasks": [{"args": []}]}, "tasks.0.command: it is missing"),
        ({}, "^the plan has no tasks"),
        ({"name": "agx", "version": "1"}, "^the plan has no tasks"),
        ({"tasks": [{"command": "ls"}] * 65}, "^the plan has 65 tasks; 64 are allowed"),
        ({"tasks": [{"command": "ls", "task_number": 1}] * 2}, "form of a plan: task 2 of the list has"),
    ],
    ids=["args", "arguments", "command", "nothing", "something else", "too many", "numbers"],
)
def test_the_reason_is_said_in_the_words_of_the_form(source: Any, reason: str) -> None:
    with pytest.raises(PlanInvalid, match=reason):
        read_plan(source, unix_registry())


def test_an_error_carries_the_text_and_every_finding() -> None:
    text = '{"tasks":[{"command":"frobnicate"},{"command":"uniq","input_from_task":1}]}'
    error = _refusal(text)
    assert error.text == text
    assert error.message == "the plan cannot be run: task 1: there is no tool named 'frobnicate'"
    assert [found["rule"] for found in error.findings] == ["unknown-tool", "uniq-without-sort"]


def test_a_draft_keeps_its_errors_as_findings() -> None:
    plan, findings = read_draft({"tasks": [{"command": "frobnicate"}]}, UNIX)
    assert isinstance(plan, Plan)
    assert [found.rule for found in findings] == ["unknown-tool"]
    assert plan.tasks[0].risk == ("runs_code",), "the unknown is never taken for harmless"


def test_more_tasks_than_asked_for_are_an_error() -> None:
    read_plan({"plan": ["ls", "sort"]}, UNIX, max_tasks=2)
    with pytest.raises(PlanInvalid, match="3 tasks; 2 are allowed"):
        read_plan({"plan": ["ls", "sort", "wc"]}, UNIX, max_tasks=2)


def test_a_call_of_a_function_is_read_with_its_references() -> None:
    rows = [
        {"command": "get_weather", "arguments": {"city": "Bern"}},
        {"command": "write_note", "arguments": {"text": {"task": 1}, "tags": [{"task": 1}]}},
    ]
    plan, findings = read_plan({"tasks": rows}, function_registry())
    assert [task.written() for task in plan.tasks] == rows
    assert findings == ()


def test_reading_does_not_change_what_was_given() -> None:
    source = {"plan": [{"cmd": "ls", "risk": ["reads"]}, {"cmd": "wc"}]}
    kept = json.dumps(source)
    read_plan(source, UNIX)
    assert json.dumps(source) == kept


def test_a_plan_object_written_as_a_mapping_is_read() -> None:
    plan = plan_of({"command": "ls"})
    assert read_plan(plan.to_dict(), UNIX)[0].plan_id == plan.plan_id


def test_a_pipeline_of_the_shell_dialect_is_checked_like_any_plan() -> None:
    metadata = PlanMetadata(backend="scripted", model="m")
    plan, findings = read_draft(
        "sort -r a.txt 2>/dev/null | uniq | frobnicate",
        UNIX,
        instruction="do it",
        metadata=metadata,
        dialect="shell",
    )
    assert [task.written() for task in plan.tasks[:2]] == CHAINED
    assert (plan.instruction, plan.metadata) == ("do it", metadata)
    assert plan.tasks[0].risk == ("reads",)
    assert [finding.rule for finding in findings if finding.severity == "error"] == ["unknown-tool"]
    assert "error-output" in {finding.rule for finding in findings}


def test_what_is_no_pipeline_has_no_plan_in_the_shell_dialect() -> None:
    with pytest.raises(PlanInvalid) as caught:
        read_draft("ls; pwd", UNIX, dialect="shell")
    assert caught.value.text == "ls; pwd"
