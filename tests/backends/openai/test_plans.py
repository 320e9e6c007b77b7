"""Whole plans through a server: by the planner, with what the server does wrong on the way."""

from __future__ import annotations

import time

import pytest

from agx.backends.base import BackendKind
from agx.backends.create import create_backend
from agx.backends.http_limits import HttpLimits
from agx.backends.openai.spec import Endpoint, OpenAISpec
from agx.backends.specs import ServerChoice
from agx.errors import BackendUnreachable, DeadlineExceeded, PlanInvalid
from agx.planning.config import PlannerConfig
from agx.planning.planner import Planner
from tests.backends.openai.conftest import Serve
from tests.openai_server import KEY, Behaviour, OpenAIServer, Refusal

FIND = '{"tasks":[{"command":"find","args":[".","-name","*.rs"]}]}'
BUSY = {"error": {"message": "Rate limit reached", "type": "requests"}}


def planner(server: OpenAIServer, *, timeout_secs: float | None = None, key: str | None = None) -> Planner:
    endpoint = Endpoint(server.url, api_key=key)
    return Planner(
        PlannerConfig(
            backend=BackendKind.OPENAI,
            echo_model="scripted",
            servers=ServerChoice(endpoint=endpoint),
            timeout_secs=timeout_secs,
            seed=11,
        )
    )


async def test_a_plan_says_what_made_it(serve: Serve) -> None:
    server = serve(Behaviour(reply=lambda _body: FIND, key=KEY))
    async with planner(server, key=KEY) as by:
        made = await by.plan("list the rust files")
    assert [(task.command, task.args) for task in made.tasks] == [("find", (".", "-name", "*.rs"))]
    metadata = made.plan.metadata
    assert metadata is not None
    assert (metadata.backend, metadata.model, metadata.seed) == ("openai", "scripted", 11)
    assert metadata.completion_tokens > 0
    assert KEY not in made.plan.model_dump_json()
    sent = server.chats[0]
    assert sent["messages"][-1] == {"role": "user", "content": "list the rust files"}
    assert sent["response_format"]["json_schema"]["schema"]["properties"].keys() == {"tasks"}


async def test_a_busy_server_is_asked_again_when_it_says(serve: Serve) -> None:
    refusal = Refusal(429, BUSY, {"Retry-After": "0.3"})
    server = serve(Behaviour(refusals=[refusal], reply=lambda _body: FIND))
    started = time.monotonic()
    async with planner(server) as by:
        assert (await by.plan("list the rust files")).tasks
    assert time.monotonic() - started >= 0.3
    assert len(server.chats) == 2


async def test_a_server_that_stays_busy_is_given_up(serve: Serve) -> None:
    server = serve(Behaviour(refusals=[Refusal(429, BUSY, {"Retry-After": "3600"})]))
    async with planner(server) as by:
        with pytest.raises(BackendUnreachable, match="Rate limit reached") as caught:
            await by.plan("list the rust files")
    assert caught.value.details["retry_after_secs"] == 3600
    assert len(server.chats) == 1


async def test_an_error_that_stays_is_not_asked_again(serve: Serve) -> None:
    said = {"error": {"message": "You exceeded your current quota"}}
    server = serve(Behaviour(refusals=[Refusal(429, said)]))
    async with planner(server) as by:
        with pytest.raises(BackendUnreachable, match="quota"):
            await by.plan("list the rust files")
    assert len(server.chats) == 1


async def test_the_time_limit_of_a_plan_is_kept(serve: Serve) -> None:
    server = serve(Behaviour(reply=lambda _body: FIND, pause_secs=1.0))
    started = time.monotonic()
    async with planner(server, timeout_secs=0.5) as by:
        with pytest.raises(DeadlineExceeded):
            await by.plan("list the rust files")
    assert time.monotonic() - started < 1.5


async def test_a_text_that_is_no_plan_is_never_one(serve: Serve) -> None:
    server = serve(Behaviour(reply=lambda _body: "I would rather not."))
    async with planner(server) as by:
        with pytest.raises(PlanInvalid) as caught:
            await by.plan("list the rust files")
    assert caught.value.text == "I would rather not."
    first, second = server.chats  # asked once more, with what was wrong
    assert second["messages"][:-2] == first["messages"]
    assert second["messages"][-2] == {"role": "assistant", "content": "I would rather not."}
    assert "not a valid plan" in second["messages"][-1]["content"]


async def test_limits_are_those_of_the_endpoint(serve: Serve) -> None:
    server = serve(Behaviour(reply=lambda _body: FIND, pause_secs=2.0))
    limits = HttpLimits(first_secs=0.3)
    backend = create_backend(OpenAISpec("scripted", Endpoint(server.url, limits=limits)))
    with pytest.raises(DeadlineExceeded, match="said nothing for"):
        await backend.generate_plan("list the rust files")
    await backend.aclose()
