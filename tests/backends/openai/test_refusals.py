"""What a server's statuses and messages mean here; no error has a secret in it."""

from __future__ import annotations

import json
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from agx.backends.openai.failures import refusal, retry_after_secs
from agx.backends.openai.messages import said_in
from agx.backends.openai.spec import Endpoint, OpenAISpec
from agx.errors import (
    AgxError,
    BackendError,
    BackendUnreachable,
    ConfigError,
    ModelMissing,
    PromptTooLong,
    UsageError,
)
from agx.requests import GenerationRequest, Message
from tests.backends.openai.conftest import Serve, backend_of
from tests.openai_server import KEY, Behaviour, Refusal

REQUEST = GenerationRequest((Message("user", "hi"),))
SPEC = OpenAISpec("gpt", Endpoint("http://localhost:1/v1"))


@pytest.mark.parametrize(
    ("status", "said", "error", "in_hint", "retryable"),
    [
        (401, "Incorrect API key provided", ConfigError, "AGX_OPENAI_API_KEY", False),
        (403, "Country not supported", ConfigError, "another model", False),
        (404, "The model `gpt` does not exist", ModelMissing, "/v1/models", False),
        (404, "Not Found", ConfigError, "--base-url", False),
        (429, "Rate limit reached", BackendUnreachable, "wait", True),
        (429, "You exceeded your current quota", BackendUnreachable, "account", False),
        (400, "This model's maximum context length is 10 tokens", PromptTooLong, "--tools-limit", False),
        (400, "the request exceeds the available context size", PromptTooLong, "--tools-limit", False),
        (400, "Unrecognized request argument: top_k", UsageError, "parameters", False),
        (500, "The server had an error", BackendError, "log", True),
        (503, "Loading model", BackendUnreachable, "try again", True),
    ],
)
def test_statuses(status: int, said: str, error: type[AgxError], in_hint: str, retryable: bool) -> None:
    made = refusal(SPEC, status, said, {})
    assert type(made) is error
    assert said in made.message
    assert in_hint in made.hint
    assert (made.retryable, made.details) == (retryable, {"status": status})


@pytest.mark.parametrize(
    ("headers", "secs"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "9", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({}, None),
    ],
)
def test_when_to_come_back(headers: dict[str, str], secs: float | None) -> None:
    assert retry_after_secs(headers) == secs
    details = refusal(SPEC, 429, "slow down", headers).details
    assert details.get("retry_after_secs") == secs


def test_a_date_to_come_back_at() -> None:
    at = datetime.now(UTC) + timedelta(seconds=30)
    secs = retry_after_secs({"retry-after": format_datetime(at, usegmt=True)})
    assert secs is not None
    assert 28 <= secs <= 30
    assert retry_after_secs({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"message": "no  such\nthing", "code": 5}}, "no such thing"),
        ({"error": "no such thing"}, "no such thing"),
        ({"detail": "no such thing"}, "no such thing"),
        ({"object": "error", "message": "no such thing"}, "no such thing"),
        ("no such thing", "no such thing"),
        ({"error": {"message": "x" * 1000}}, "x" * 299 + "…"),
        ({"detail": [{"loc": ["body", "seed"], "msg": "bad"}]}, "[{'loc': ['body', 'seed'], 'msg': 'bad'}]"),
    ],
)
def test_what_a_refusal_says(body: object, said: str) -> None:
    assert said_in(json.dumps(body).encode()) == said


@pytest.mark.parametrize("body", [b"<html><h1>502 Bad Gateway</h1></html>", b"", b"null"])
def test_a_refusal_that_says_nothing_to_people(body: bytes) -> None:
    assert said_in(body) == ""


@pytest.mark.parametrize("place", ["key", "header"])
async def test_no_error_has_the_key(serve: Serve, place: str) -> None:
    said = {"error": {"message": f"Incorrect API key provided: {KEY}"}}
    server = serve(Behaviour(refusals=[Refusal(401, said)]))
    endpoint = {"api_key": KEY} if place == "key" else {"headers": {"Authorization": f"Bearer {KEY}"}}
    backend = backend_of(server, **endpoint)
    with pytest.raises(ConfigError) as caught:
        _ = [chunk async for chunk in backend.generate(REQUEST)]
    assert server.requests[-1].headers["Authorization"] == f"Bearer {KEY}"
    health = await backend.health_check()
    shown = (
        *traceback.format_exception(caught.value),
        json.dumps(caught.value.as_dict()),
        repr(backend),
        repr(health),
        repr(backend._spec),
    )
    assert not any(KEY in text for text in shown)
    assert "***" in caught.value.message
    await backend.aclose()


async def test_a_wrong_key_is_found_by_the_first_request(serve: Serve) -> None:
    server = serve(Behaviour(key=KEY))
    backend = backend_of(server, api_key="sk-wrong-key")
    with pytest.raises(ConfigError, match="refuses the key") as caught:
        await backend.model_facts()
    assert "sk-wrong-key" not in caught.value.message
    assert not (await backend.health_check()).ok
    await backend.aclose()


async def test_without_a_key_none_is_sent(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the library reads from the environment is of no concern to a server that nobody named."""
    for variable in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(variable, KEY)
    server = serve()
    backend = backend_of(server)
    _ = [chunk async for chunk in backend.generate(REQUEST)]
    assert not any(KEY in value for request in server.requests for value in request.headers.values())
    assert not any("Authorization" in request.headers for request in server.requests)
    await backend.aclose()
