"""What an answer says, and what is refused: values of httpx, made by hand."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import pytest

from agx.errors import BackendUnreachable, ConfigError
from agx.models.fetch import http
from agx.models.fetch.http import HttpClient
from agx.models.fetch.refusals import Location, Lost
from agx.models.ollama.api import OllamaApi

PLACE = Location("https://hub/o/r", "the file")


def response(
    url: str,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    history: tuple[httpx.Response, ...] = (),
) -> httpx.Response:
    return httpx.Response(status, headers=headers, request=httpx.Request("GET", url), history=list(history))


def test_a_way_that_begins_encrypted_stays_so() -> None:
    begin = response("https://hub/o/r", 302)
    http._check_route(response("https://store/x", history=(begin,)), PLACE)
    http._check_route(response("https://store/x", history=(response("http://hub/o/r", 302),)), PLACE)
    with pytest.raises(BackendUnreachable, match="store, which is not encrypted"):
        http._check_route(response("http://store/x", history=(begin,)), PLACE)
    back = response("http://between/x", 302)
    with pytest.raises(BackendUnreachable):
        http._check_route(response("https://store/x", history=(begin, back)), PLACE)


def test_the_hubs_own_tag_counts_more_than_the_stores() -> None:
    digest = "a" * 64
    begin = response("https://hub/o/r", 302, headers={"X-Linked-ETag": f'"{digest}"'})
    answer = http._answer(
        response("https://store/x", history=(begin,), headers={"ETag": 'W/"other"', "Content-Length": "7"}),
        start=0,
    )
    assert (answer.tag, answer.sha256, answer.size_bytes, answer.is_range) == (digest, digest, 7, False)
    plain = http._answer(response("https://store/x", headers={"ETag": 'W/"other"'}), start=0)
    assert (plain.tag, plain.sha256, plain.size_bytes) == ("other", None, None)
    dated = http._answer(
        response("https://store/x", headers={"Last-Modified": "Sat, 21 Nov 2026 10:00:00 GMT"}), start=0
    )
    assert dated.tag == "Sat, 21 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Range": "bytes 5-9/10"},
        {"Content-Range": "bytes=4-9/10"},
        {},
        {"Content-Range": "bytes 4-9/10", "Content-Encoding": "gzip"},
    ],
    ids=["other start", "malformed", "none", "encoded"],
)
def test_other_bytes_than_were_asked_for_are_refused(headers: dict[str, str]) -> None:
    good = http._answer(response("https://h/x", 206, headers={"Content-Range": "bytes 4-9/10"}), start=4)
    assert (good.start, good.size_bytes, good.is_range) == (4, 10, True)
    with pytest.raises(BackendUnreachable, match="other bytes"):
        http._answer(response("https://h/x", 206, headers=headers), start=4)


@pytest.mark.parametrize(
    "variables",
    [
        {"HTTPS_PROXY": "::::"},
        {"ALL_PROXY": "foo://bar"},
        {"SSL_CERT_FILE": "/not/there"},
        {"SSL_CERT_FILE": __file__},
    ],
    ids=["no address", "no scheme", "no file", "no certificate"],
)
def test_a_proxy_or_certificates_that_cannot_be_used_are_a_setting(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the hub as for Ollama."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    for make in (HttpClient, lambda: OllamaApi("https://ollama.example")):
        with pytest.raises(ConfigError, match="the proxy or the certificates") as caught:
            make()
        assert next(iter(variables)) in caught.value.hint


def test_a_size_that_no_file_has_is_none() -> None:
    """Nor is a number of thousands of digits, which Python refuses to read."""
    for number in ("9" * 19, "9" * 5000):
        headers = {"Content-Range": f"bytes 0-3/{number}"}
        assert http._answer(response("https://h/x", 206, headers=headers), start=0).size_bytes is None
        assert (
            http._answer(response("https://h/x", headers={"Content-Length": number}), start=0).size_bytes
            is None
        )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ConnectTimeout("x"), "hub does not answer"),
        (httpx.ReadTimeout("x"), "hub sent nothing for 30 s"),
        (httpx.ConnectError("x"), "there is no connection to hub"),
        (httpx.RemoteProtocolError("x"), "the connection to hub was cut"),
        (httpx.ReadError(""), "the connection to hub was cut"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_connection_that_failed_may_be_tried_again(error: httpx.TransportError, words: str) -> None:
    """The host that is named is the one that was asked last, which may be one that the hub sent on to."""
    error.request = httpx.Request("GET", "https://hub/o/r")
    lost = http._lost(error)
    assert isinstance(lost, Lost)
    assert lost.reason == words


def test_a_certificate_that_cannot_be_verified_is_not_tried_again() -> None:
    failed = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")
    failed.request = httpx.Request("GET", "https://hub/o/r")
    error = http._lost(failed)
    assert isinstance(error, BackendUnreachable)
    assert "certificate of hub" in error.message
