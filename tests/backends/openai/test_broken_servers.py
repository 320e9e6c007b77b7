"""Servers that are dead, slow or wrong: a typed error in time, and nothing left open."""

from __future__ import annotations

import itertools
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agx.backends.http_limits import HttpLimits
from agx.backends.openai.backend import OpenAIBackend
from agx.backends.openai.spec import Endpoint, OpenAISpec
from agx.errors import BackendError, BackendUnreachable, ConfigError, DeadlineExceeded
from agx.requests import GenerationRequest, Message, Parameters
from tests.backends.openai.conftest import Serve, backend_of
from tests.openai_server import EVENTS, KEY, Behaviour, Refusal, event, eventually, openai_server

REQUEST = GenerationRequest((Message("user", "hi"),), parameters=Parameters(max_tokens=8))
LIMITS = HttpLimits(connect_secs=0.5, first_secs=0.5, between_secs=0.3, answer_secs=0.5)
SLACK_SECS = 0.5
WORD = event({"choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]})


def nothing() -> Iterator[bytes]:
    time.sleep(1.5)
    yield WORD


def silence_after_a_word() -> Iterator[bytes]:
    yield WORD
    time.sleep(1.5)
    yield WORD


def trickle() -> Iterator[bytes]:
    yield WORD
    for byte in itertools.islice(itertools.cycle(b": ping\n"), 40):
        time.sleep(0.05)
        yield bytes([byte])


def endless_words() -> Iterator[bytes]:
    return itertools.repeat(WORD * 1000)


def endless_line() -> Iterator[bytes]:
    return itertools.repeat(b"x" * 65_536)


BROKEN = {
    "silent": (nothing, EVENTS, DeadlineExceeded, "said nothing for 0.5 s"),
    "slow": (silence_after_a_word, EVENTS, DeadlineExceeded, "said nothing for 0.3 s"),
    "trickling": (trickle, EVENTS, DeadlineExceeded, "said nothing for 0.3 s"),
    "endless": (endless_words, EVENTS, BackendError, "keeps to no max_tokens"),
    "endless line": (endless_line, EVENTS, BackendError, "a line of over"),
    "garbage": (lambda: iter([b"data: {{{\n\n"]), EVENTS, BackendError, "is not JSON"),
    "bytes": (lambda: iter([b"data: \xff\xfe\n\n"]), EVENTS, BackendError, "is not JSON"),
    "deep": (lambda: iter([b"data: " + b"[" * 200_000 + b"\n\n"]), EVENTS, BackendError, "is not JSON"),
    "a list": (lambda: iter([b"data: [1]\n\n"]), EVENTS, BackendError, "no JSON object"),
    "another API": (lambda: iter([b'data: {"a":1}\n\n']), EVENTS, BackendError, "no chat completion"),
    "an error": (lambda: iter([event({"error": {"message": "ouch"}})]), EVENTS, BackendError, "ouch"),
    "cut off": (lambda: iter([WORD]), EVENTS, BackendError, "broke off"),
    "nothing at all": (lambda: iter([]), EVENTS, BackendError, "broke off"),
    "a page": (lambda: iter([b"<html>"]), "text/html", BackendError, "answered with text/html"),
    "an empty object": (lambda: iter([b"{}"]), "application/json", BackendError, "no chat completion"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_answer_is_a_typed_error_in_time(serve: Serve, name: str) -> None:
    raw, content_type, error, said = BROKEN[name]
    server = serve(Behaviour(raw=raw, content_type=content_type))
    backend = backend_of(server, limits=LIMITS)
    await backend.model_facts()
    open_before = _num_open()
    started = time.monotonic()
    with pytest.raises(error, match=said):
        _ = [chunk async for chunk in backend.generate(REQUEST)]
    assert time.monotonic() - started < LIMITS.first_secs + LIMITS.between_secs + SLACK_SECS
    await backend.aclose()
    assert eventually(lambda: server.open_connections == 0)
    assert _num_open() <= open_before


@pytest.mark.usefixtures("serve")
async def test_a_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    backend = OpenAIBackend(OpenAISpec("scripted", Endpoint(url, limits=LIMITS)))
    with pytest.raises(BackendUnreachable, match="nothing answers at") as caught:
        _ = [chunk async for chunk in backend.generate(REQUEST)]
    assert "--base-url" in caught.value.hint
    health = await backend.health_check()
    assert not health.ok
    await backend.aclose()


@pytest.mark.usefixtures("serve")
async def test_a_server_that_takes_no_connection_is_waited_for_as_long_as_is_said() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        url = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
        backend = OpenAIBackend(OpenAISpec("scripted", Endpoint(url, limits=LIMITS)))
        started = time.monotonic()
        with pytest.raises((BackendUnreachable, DeadlineExceeded)):
            _ = [chunk async for chunk in backend.generate(REQUEST)]
        assert time.monotonic() - started < LIMITS.answer_secs + SLACK_SECS
        await backend.aclose()


async def test_a_redirect_is_not_followed(serve: Serve) -> None:
    other = serve()
    refusal = Refusal(307, {}, {"Location": f"{other.url}/chat/completions"})
    backend = backend_of(serve(Behaviour(refusals=[refusal])), api_key="sk-0123456789")
    with pytest.raises(ConfigError, match="redirects to"):
        _ = [chunk async for chunk in backend.generate(REQUEST)]
    assert other.requests == []
    await backend.aclose()


async def test_plain_http_where_tls_is_expected_is_named(serve: Serve) -> None:
    server = serve()
    url = server.url.replace("http://", "https://")
    backend = OpenAIBackend(OpenAISpec("scripted", Endpoint(url, limits=LIMITS)))
    with pytest.raises(BackendUnreachable, match="no secure connection") as caught:
        await backend.model_facts()
    assert "http or https" in caught.value.hint
    await backend.aclose()


async def test_a_certificate_that_nobody_vouches_for_is_named(tmp_path: Path) -> None:
    pytest.importorskip("openai", reason="the extra agx[openai] is not installed")
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    both = tmp_path / "certificate.pem"
    command = f"{openssl} req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -batch"
    made = subprocess.run([*command.split(), "-keyout", both], capture_output=True, check=True, text=True)
    both.write_text(both.read_text() + made.stdout)
    with openai_server(certificate=both) as server:
        backend = OpenAIBackend(OpenAISpec("scripted", Endpoint(server.url, api_key=KEY, limits=LIMITS)))
        with pytest.raises(BackendUnreachable, match="no secure connection") as caught:
            await backend.model_facts()
        await backend.aclose()
        assert "SSL_CERT_FILE" in caught.value.hint
        assert server.requests == []


async def test_a_refusal_of_any_length_is_read_only_so_far(serve: Serve) -> None:
    refusal = Refusal(500, b"x" * (32 << 20))
    backend = backend_of(serve(Behaviour(refusals=[refusal])))
    with pytest.raises(BackendError) as caught:
        _ = [chunk async for chunk in backend.generate(REQUEST)]
    assert len(caught.value.message) < 500
    await backend.aclose()


async def test_leaving_closes_the_connection_at_once(serve: Serve) -> None:
    server = serve(Behaviour(reply=lambda _body: "word " * 10_000, pause_secs=0.005))
    backend = backend_of(server)
    chunks = backend.generate(REQUEST)
    await anext(chunks)
    await chunks.aclose()
    assert eventually(lambda: server.num_left == 1, secs=0.25)
    await backend.aclose()


async def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)  # what makes an import fail
    backend = OpenAIBackend(OpenAISpec("scripted", Endpoint("http://127.0.0.1:1/v1")))
    with pytest.raises(ConfigError, match="package openai") as caught:
        await backend.model_facts()
    assert "agx[openai]" in caught.value.hint
    await backend.aclose()


def _num_open() -> int | float:
    """Return how many files and sockets are open here; infinity where the system does not say."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else float("inf")
