"""The plan's values: closed, frozen, strict, and written in the one form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from agx.plan.schema import (
    MAX_ARGS,
    MAX_ARGUMENT_CHARS,
    MAX_JSON_DEPTH,
    MAX_TASKS,
    Finding,
    Glob,
    Plan,
    PlanMetadata,
    Task,
    Text,
    new_plan_id,
    output_reference,
)
from tests.plan.helpers import plan_of, task

DEEP: list[Any] = []
for _ in range(MAX_JSON_DEPTH + 1):
    DEEP = [DEEP]


def test_a_plan_is_written_as_the_design_page_shows_it() -> None:
    plan = plan_of(
        {"command": "find", "args": [".", "-name", "*.rs"], "risk": ["reads"]},
        {"command": "xargs", "args": ["wc", "-l"], "input_from_task": 1, "risk": ["reads"]},
        instruction="list all rust files and count lines",
    )
    first, second = plan.to_dict()["tasks"]
    assert first == {
        "task_number": 1,
        "command": "find",
        "args": [".", "-name", "*.rs"],
        "timeout_secs": 300,
        "risk": ["reads"],
    }
    assert second["input_from_task"] == 1
    assert list(plan.to_dict()) == ["version", "plan_id", "instruction", "tasks"]
    assert Plan.model_validate(json.loads(json.dumps(plan.to_dict()))) == plan


def test_metadata_survives_writing_and_reading() -> None:
    metadata = PlanMetadata(backend="scripted", model="none", seed=3, parameters={"top_k": 4, "stop": ("a",)})
    plan = plan_of({"command": "ls"}).model_copy(update={"metadata": metadata})
    assert Plan.model_validate(json.loads(json.dumps(plan.to_dict()))).metadata == metadata


def test_what_a_model_writes_has_no_numbers_limits_or_risk() -> None:
    written = task("sort", "-r", input_from_task=None, save_to="out.txt", risk=["reads"]).written()
    assert written == {"command": "sort", "args": ["-r"], "save_to": "out.txt"}
    assert task("f", arguments={"a": 1}).written() == {"command": "f", "arguments": {"a": 1}}


@pytest.mark.parametrize(
    "item",
    [
        "text",
        "",
        "-n",
        "a\nb",
        "naïve ☃",
        {"glob": "*.txt"},
        {"env": "HOME"},
        {"task": 2},
        {"task": 2, "split": True},
        {"text": ["a", {"env": "B"}, {"glob": "*"}, {"task": 1}]},
    ],
    ids=str,
)
def test_every_argument_of_the_design_is_accepted_and_written_again(item: Any) -> None:
    assert task("echo", item).written()["args"] == [item]


@pytest.mark.parametrize(
    "item",
    [
        5,
        None,
        True,
        ["a"],
        {},
        {"glob": ""},
        {"glob": 1},
        {"env": "1A"},
        {"env": "A-B"},
        {"env": "A\n"},
        {"glob": "*", "env": "A"},
        {"glob": "*", "note": "x"},
        {"task": 0},
        {"task": -1},
        {"task": MAX_TASKS + 1},
        {"task": "1"},
        {"task": 1.0},
        {"task": True},
        {"task": 1, "split": False},
        {"text": []},
        {"text": "abc"},
        {"text": [{"text": ["a"]}]},
        {"text": [1]},
        "a\0b",
        {"glob": "a\0*"},
        {"text": ["a\0"]},
        "\ud800",
        "x" * (MAX_ARGUMENT_CHARS + 1),
    ],
    ids=lambda item: repr(item)[:30],
)
def test_an_argument_with_any_other_meaning_is_refused(item: Any) -> None:
    with pytest.raises(ValidationError):
        task("echo", item)


@pytest.mark.parametrize(
    "fields",
    [
        {"task_number": 0},
        {"task_number": "1"},
        {"task_number": 1.0},
        {"task_number": True},
        {"task_number": 10**400},
        {"input_from_task": 0},
        {"input_from_task": "1"},
        {"timeout_secs": 0},
        {"timeout_secs": 1.5},
        {"timeout_secs": "5"},
        {"timeout_secs": 86_401},
        {"command": ""},
        {"command": "a\0"},
        {"command": "a" * 129},
        {"command": None},
        {"args": "ls"},
        {"args": ["a"] * (MAX_ARGS + 1)},
        {"args": ["a"], "arguments": {"b": 1}},
        {"arguments": ["a"]},
        {"arguments": {1: 2}},
        {"arguments": {"a": {1: 2}}},
        {"arguments": {"a": "\ud800"}},
        {"arguments": {"\udfff": 1}},
        {"arguments": {"a": float("nan")}},
        {"arguments": {"a": float("inf")}},
        {"arguments": {"a": 10**400}},
        {"arguments": {"a": ...}},
        {"arguments": {"a": DEEP}},
        {"save_to": "a", "append_to": "b"},
        {"save_to": ""},
        {"save_to": "a\0"},
        {"risk": ["harmless"]},
        {"comment": "x"},
    ],
    ids=lambda fields: repr(fields)[:40],
)
def test_a_task_with_a_wrong_field_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Task.model_validate({"task_number": 1, "command": "ls"} | fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"version": 2},
        {"plan_id": "1"},
        {"plan_id": "plan_A"},
        {"plan_id": "plan_1\n"},
        {"instruction": None},
        {"tasks": []},
        {"tasks": [{"task_number": 2, "command": "ls"}]},
        {"tasks": [{"task_number": 1, "command": "ls"}, {"task_number": 1, "command": "ls"}]},
        {"tasks": [{"task_number": n, "command": "ls"} for n in range(1, MAX_TASKS + 2)]},
        {"metadata": {"backend": "b", "model": "m", "mood": "good"}},
        {"metadata": {"backend": "b", "model": "m", "latency_ms": float("inf")}},
        {"metadata": {"backend": "b", "model": "m", "seed": 2**64}},
        {"metadata": {"backend": "b", "model": "m", "parameters": {"a": DEEP}}},
        {"notes": "x"},
    ],
    ids=lambda fields: repr(fields)[:40],
)
def test_a_plan_with_a_wrong_field_is_refused(fields: dict[str, Any]) -> None:
    good = {"plan_id": "plan_1", "instruction": "", "tasks": [{"task_number": 1, "command": "ls"}]}
    Plan.model_validate(good)
    with pytest.raises(ValidationError):
        Plan.model_validate(good | fields)


def test_values_are_frozen() -> None:
    plan = plan_of({"command": "ls", "args": [{"glob": "*"}]})
    for value, name in ((plan, "instruction"), (plan.tasks[0], "command"), (plan.tasks[0].args[0], "glob")):
        with pytest.raises(ValidationError):
            setattr(value, name, "other")


def test_a_task_keeps_its_arguments_when_the_caller_changes_theirs() -> None:
    source = {"tags": ["a"]}
    made = task("note", arguments=source)
    source["tags"].append("b")
    assert made.arguments == {"tags": ["a"]}


def test_risk_is_a_set_in_a_fixed_order() -> None:
    assert task("rm", risk=["network", "reads", "network"]).risk == ("reads", "network")


def test_plan_ids_are_new_each_time_and_valid() -> None:
    ids = {new_plan_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(plan_of({"command": "ls"}).model_copy(update={"plan_id": one}) for one in ids)
    assert {len(one) for one in ids} == {len("plan_") + 26}
    for one in ids:
        Plan.model_validate(plan_of({"command": "ls"}).to_dict() | {"plan_id": one})


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ({"task": 2}, 2),
        ({"task": -3}, -3),
        ({"task": True}, None),
        ({"task": "2"}, None),
        ({"task": 2, "split": True}, None),
        ([2], None),
        (2, None),
    ],
    ids=str,
)
def test_only_an_object_with_just_a_task_number_stands_for_an_output(
    value: object, number: int | None
) -> None:
    assert output_reference(value) == number


def test_the_json_schema_of_plans_is_closed() -> None:
    schema = Plan.model_json_schema()
    objects = [schema, *schema["$defs"].values()]
    assert all(found["additionalProperties"] is False for found in objects)
    assert {Glob.__name__, Text.__name__, "Env", "TaskOutput", "Task"} <= set(schema["$defs"])


def test_a_finding_says_its_severity() -> None:
    with pytest.raises(ValidationError):
        Finding.model_validate({"severity": "fatal", "message": "no"})


def test_a_null_among_named_arguments_is_kept() -> None:
    arguments = {"a": None, "b": [None, {"c": None}]}
    assert task("f", arguments=arguments).written()["arguments"] == arguments
