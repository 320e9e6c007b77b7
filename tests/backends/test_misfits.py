"""Plans whose arguments the constraint let through and the check refuses: they are asked for once more."""

from __future__ import annotations

import json

import pytest

from agx.app.registries import registry_of
from agx.backends.plan_requests import PlanOptions
from agx.backends.scripted import ScriptedBackend, ScriptedReply
from agx.errors import PlanInvalid
from agx.plan.tools import Registry
from agx.planning.planner import Planner

TAG = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}


def registry() -> Registry:
    schema = {"type": "object", "properties": {"tags": TAG}, "required": ["tags"]}
    return registry_of([{"name": "tag", "schema": schema, "risk": ["writes"]}])


def written(*tags: str) -> str:
    return json.dumps({"tasks": [{"command": "tag", "arguments": {"tags": tags}}]}, separators=(",", ":"))


async def test_a_misfit_is_asked_for_once_more_with_what_was_found() -> None:
    backend = ScriptedBackend([written("a", "a"), written("a", "b")])
    generated = await Planner(backend=backend, registry=registry()).plan("tag it a and b")
    assert generated.tasks[0].arguments == {"tags": ["a", "b"]}
    assert generated.text == written("a", "b")
    assert generated.changes is None
    assert (generated.metadata.role, generated.metadata.parameters["attempts"]) == ("echo", 2)
    first, again = backend.requests
    assert [message.role for message in again.messages[-3:]] == ["user", "assistant", "user"]
    assert again.messages[-2].content == written("a", "a") == again.draft
    assert "do not fit at /tags" in again.messages[-1].content
    assert "non-unique" in again.messages[-1].content
    assert again.draft_margin == 0, "nothing holds the model to what was wrong"
    assert first.schema == again.schema
    tokens = generated.metadata.completion_tokens
    alone = await Planner(backend=ScriptedBackend([written("a", "b")]), registry=registry()).plan("tag it")
    assert tokens > alone.metadata.completion_tokens
    assert "attempts" not in alone.metadata.parameters


@pytest.mark.parametrize("call_format", [None, "hermes"])
async def test_a_key_that_stands_twice_is_asked_for_once_more(call_format: str | None) -> None:
    right = written("a")
    if call_format is not None:
        right = '<tool_call>\n{"name": "tag", "arguments": {"tags": ["a"]}}\n</tool_call>'
    twice = right.replace('"tags":', '"tags": ["b"], "tags":')
    backend = ScriptedBackend([twice, right], takes_grammar=call_format is not None, call_format=call_format)
    generated = await Planner(backend=backend, registry=registry()).plan("tag it a")
    assert generated.tasks[0].arguments == {"tags": ["a"]}
    assert "the key 'tags' stands twice" in backend.requests[1].messages[-1].content


async def test_a_misfit_that_stays_one_is_no_plan() -> None:
    backend = ScriptedBackend([written("a", "a"), written("b", "b")])
    with pytest.raises(PlanInvalid, match="do not fit at /tags") as caught:
        await Planner(backend=backend, registry=registry()).plan("tag it a and b")
    assert caught.value.text == written("b", "b")
    assert len(backend.requests) == 2


@pytest.mark.parametrize(
    "text",
    [
        "no plan",
        written("a").replace('"tag"', '"tug"'),
        written("a", "a").replace("}]}", '},{"command":"tug","args":[]}]}'),
    ],
)
async def test_other_faults_are_not_asked_again(text: str) -> None:
    backend = ScriptedBackend([text])
    with pytest.raises(PlanInvalid):
        await Planner(backend=backend, registry=registry()).plan("tag it a and b")


async def test_the_second_attempt_has_the_time_that_the_first_left() -> None:
    backend = ScriptedBackend([ScriptedReply(written("a", "a"), chunk_delay_secs=0.02), written("a", "b")])
    planner = Planner(backend=backend, registry=registry())
    await planner.plan("tag it", options=PlanOptions(deadline_secs=30))
    first, again = (request.deadline_secs for request in backend.requests)
    assert first is not None
    assert again is not None
    assert again < first - 0.02
