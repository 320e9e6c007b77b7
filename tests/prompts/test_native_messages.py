"""The system text of the native dialect: what a chat template would say, and what only AGX knows."""

from __future__ import annotations

from agx.prompts.native_messages import native_system_text
from agx.risk.context import PlanContext
from agx.toolcalls.formats import format_named
from tests.plan.helpers import function_registry, plan_of

HERMES = format_named("hermes")


def test_a_template_with_tools_leaves_nothing_to_say() -> None:
    text, said = native_system_text(PlanContext(tools=function_registry()), HERMES)
    assert text == said
    assert "- get_weather: The weather of a city" in text
    assert '<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>' in text


def test_existing_tasks_and_input_data_stay() -> None:
    existing = plan_of({"command": "get_weather", "arguments": {"city": "Rome"}}).tasks
    context = PlanContext(tools=function_registry(), existing_tasks=existing, input_summary="3 lines")
    text, said = native_system_text(context, HERMES)
    left = text.removeprefix(said)
    assert left.startswith('These calls were made already: [{"command": "get_weather"')
    assert left.endswith("3 lines")
