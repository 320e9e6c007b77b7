"""Which dialect a model writes in: by what was asked for, the model, the tools and the draft."""

from __future__ import annotations

import pytest

from agx.backends.base import ModelFacts
from agx.backends.dialect_choice import check_dialect, chosen_dialect
from agx.errors import Unsupported, UsageError
from agx.plan.dialects import DialectChoice
from agx.plan.tools import Registry, ToolInfo
from agx.unix.registry import unix_registry
from tests.plan.helpers import function_registry, plan_of

GENERAL = ModelFacts("general", takes_grammar=True)
CALLING = ModelFacts("calling", takes_grammar=True, call_format="hermes")
PLANNER = ModelFacts("planner", takes_grammar=True, planner_tools="unix")
SCHEMAS_ONLY = ModelFacts("elsewhere", call_format="hermes")
MIXED = Registry.of([ToolInfo("ls"), *function_registry()])
PIPELINE = plan_of({"command": "ls"}, {"command": "wc", "input_from_task": 1}).tasks
TWO = plan_of({"command": "ls"}, {"command": "pwd"}).tasks


@pytest.mark.parametrize(
    ("choice", "tools", "facts", "dialect"),
    [
        ("auto", unix_registry(), GENERAL, "shell"),
        ("auto", Registry.of([ToolInfo("deploy")]), GENERAL, "shell"),
        ("auto", unix_registry(), PLANNER, "json"),
        ("auto", unix_registry(), SCHEMAS_ONLY, "json"),
        ("auto", function_registry(), GENERAL, "json"),
        ("auto", function_registry(), CALLING, "native"),
        ("auto", function_registry(), SCHEMAS_ONLY, "json"),
        ("auto", unix_registry(), CALLING, "shell"),
        ("auto", MIXED, CALLING, "json"),
        ("json", function_registry(), CALLING, "json"),
        ("native", function_registry(), CALLING, "native"),
        ("auto", Registry.of([ToolInfo("/opt/a/b/../c")]), GENERAL, "shell"),
        ("json", unix_registry(), GENERAL, "json"),
        ("shell", unix_registry(), GENERAL, "shell"),
    ],
)
def test_the_dialect_suits_model_and_tools_or_is_the_one_asked_for(
    choice: DialectChoice, tools: Registry, facts: ModelFacts, dialect: str
) -> None:
    assert chosen_dialect(choice, tools, facts) == dialect


@pytest.mark.parametrize("choice", ["auto", "shell"])
def test_a_draft_that_is_not_one_pipeline_is_refined_as_json(choice: DialectChoice) -> None:
    assert chosen_dialect(choice, unix_registry(), GENERAL, draft=PIPELINE) == "shell"
    assert chosen_dialect(choice, unix_registry(), GENERAL, draft=TWO) == "json"


@pytest.mark.parametrize("choice", ["auto", "native"])
def test_a_draft_that_calls_cannot_say_is_refined_as_json(choice: DialectChoice) -> None:
    note = {"command": "write_note", "arguments": {"text": "a"}}
    said, unsaid = plan_of(note, note).tasks, plan_of(note, note | {"input_from_task": 1}).tasks
    assert chosen_dialect(choice, function_registry(), CALLING, draft=said) == "native"
    assert chosen_dialect(choice, function_registry(), CALLING, draft=unsaid) == "json"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [(SCHEMAS_ONLY, "takes no grammar"), (PLANNER, "was trained"), (GENERAL, "no known format")],
)
def test_the_native_dialect_needs_a_grammar_and_a_known_format(facts: ModelFacts, reason: str) -> None:
    with pytest.raises(Unsupported, match=reason):
        chosen_dialect("native", function_registry(), facts)


@pytest.mark.parametrize("tools", [unix_registry(), MIXED])
def test_the_native_dialect_is_refused_for_commands(tools: Registry) -> None:
    with pytest.raises(UsageError, match="functions only"):
        check_dialect("native", tools)


@pytest.mark.parametrize(("facts", "reason"), [(SCHEMAS_ONLY, "takes no grammar"), (PLANNER, "was trained")])
def test_the_shell_dialect_needs_a_general_model_and_a_grammar(facts: ModelFacts, reason: str) -> None:
    with pytest.raises(Unsupported, match=reason):
        chosen_dialect("shell", unix_registry(), facts)


@pytest.mark.parametrize("tools", [function_registry(), MIXED, Registry.of([ToolInfo("/usr/bin/sort")])])
def test_the_shell_dialect_is_refused_for_what_is_no_command(tools: Registry) -> None:
    check_dialect("auto", tools)
    check_dialect("json", tools)
    with pytest.raises(UsageError, match="commands only"):
        check_dialect("shell", tools)
