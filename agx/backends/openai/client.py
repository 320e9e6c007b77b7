"""Requests to one server, by the library `openai`: the only module that imports it.

The library brings authorisation, addresses and connections; bodies are read here, since it puts no limit to
their size or time. It tries nothing again and follows no redirect. Its exceptions stop here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from contextlib import aclosing, asynccontextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from agx.backends.http_limits import MAX_BODY_BYTES
from agx.backends.openai.events import Event, read_events
from agx.backends.openai.failures import broken_connection, no_connection
from agx.backends.openai.messages import said_in
from agx.backends.openai.spec import OpenAISpec
from agx.errors import BackendError, ConfigError, DeadlineExceeded, UsageError

if TYPE_CHECKING:
    import openai

_MAX_REFUSAL_BYTES = 64 << 10
_Got = TypeVar("_Got")
# What an event with log-probabilities takes, and room for a prompt's echo.
_EVENTS_BESIDES = 1000
_BYTES_A_TOKEN, _BYTES_BESIDES = 8 << 10, 4 << 20


class Refused(Exception):
    """A server's refusal, with its status, its message in one line, and its headers."""

    def __init__(self, status: int, said: str, headers: Mapping[str, str]) -> None:
        super().__init__(status, said)
        self.status, self.said, self.headers = status, said, headers


class Client:
    """One server. It is opened with the first request, and refuses all of them once it is closed."""

    def __init__(self, spec: OpenAISpec) -> None:
        self._spec = spec
        self._opened: openai.AsyncOpenAI | None = None
        self.is_closed = False

    async def stream(
        self, body: Mapping[str, Any], *, max_tokens: int, deadline_at: float | None = None
    ) -> AsyncGenerator[Event, None]:
        """Send a chat completion and yield the events of its answer; closing it closes the connection.

        `deadline_at` is by the running loop's clock. Raises `Refused` for an answer that is none,
        `DeadlineExceeded`, `BackendUnreachable`, and `BackendError` for what is no stream of events.
        """
        limits = self._spec.endpoint.limits
        max_bytes = _BYTES_BESIDES + _BYTES_A_TOKEN * max_tokens
        # A token is a piece at most; what is not a piece of the text is a handful of events.
        max_events = 2 * max_tokens + _EVENTS_BESIDES
        clock = _Clock(limits.first_secs, deadline_at)
        async with self._answer(self._spec.endpoint.path, body, clock) as stream:
            kind = stream.response.headers.get("content-type", "")
            pieces = stream.response.aiter_bytes()
            events = read_events(pieces, content_type=kind, max_bytes=max_bytes)
            async with aclosing(events):
                while (event := await self._guarded(anext(events, None), clock)) is not None:
                    max_events -= 1
                    if max_events < 0:
                        raise BackendError(
                            f"the server keeps to no max_tokens: {max_tokens} were asked for",
                            hint="look at the server, or lower --max-tokens and try again",
                        )
                    yield event
                    clock = _Clock(limits.between_secs, deadline_at)

    async def get(self, path: str, *, deadline_at: float | None = None) -> tuple[Event, Mapping[str, str]]:
        """Return the JSON object at a path, and the headers; raises as `stream`."""
        clock = _Clock(self._spec.endpoint.limits.answer_secs, deadline_at)
        return await self._object("GET", path, None, clock)

    async def post(self, path: str, body: Mapping[str, Any]) -> Event:
        """Send a body and return the JSON object that answers it; raises as `stream`."""
        clock = _Clock(self._spec.endpoint.limits.first_secs, None)
        return (await self._object("POST", path, body, clock))[0]

    async def aclose(self) -> None:
        """Close every connection; safe to call twice."""
        self.is_closed = True
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    async def _object(
        self, method: str, path: str, body: Mapping[str, Any] | None, clock: _Clock
    ) -> tuple[Event, Mapping[str, str]]:
        async with self._answer(path, body, clock, method=method) as stream:
            headers = stream.response.headers
            kind = headers.get("content-type", "")
            if not kind.startswith("application/json"):
                raise BackendError(
                    f"the server answered with {kind or 'no content type'}, not with JSON",
                    hint="is this the address of an OpenAI-compatible API? It usually ends in /v1",
                )
            pieces = stream.response.aiter_bytes()
            async with aclosing(read_events(pieces, content_type=kind, max_bytes=MAX_BODY_BYTES)) as events:
                return await self._guarded(anext(events), clock), headers

    @asynccontextmanager
    async def _answer(
        self, path: str, body: Mapping[str, Any] | None, clock: _Clock, *, method: str = "POST"
    ) -> AsyncIterator[openai.AsyncStream[object]]:
        """Send a request and give the answer, whose body is still to be read; closes it afterwards."""
        client = self._client()
        ask: Any = client.get if method == "GET" else client.post  # `options` has types that both hide
        sent: dict[str, Any] = {} if body is None else {"body": dict(body)}
        import openai  # noqa: PLC0415  heavy, and an extra: `_client` says so

        kind = openai.AsyncStream[object]
        options = {"headers": _headers(self._spec)}
        asked = ask(path, cast_to=object, options=options, stream=True, stream_cls=kind, **sent)
        stream = await self._guarded(asked, clock)
        try:
            yield stream
        finally:
            await stream.response.aclose()

    async def _guarded(self, awaited: Awaitable[_Got], clock: _Clock) -> _Got:
        """Await something of the library's; its exceptions become ours here."""
        import openai  # noqa: PLC0415  as above

        try:
            async with asyncio.timeout_at(clock.ends_at):
                return await awaited
        except TimeoutError:
            raise clock.exceeded(self._spec.endpoint.base_url) from None
        except openai.APITimeoutError:
            raise no_connection(self._spec) from None
        except Exception as error:
            if isinstance(error.__cause__, Refused):
                raise error.__cause__ from None
            if not isinstance(error, openai.APIError | OSError) and not _is_of_http(error):
                raise
            raise broken_connection(self._spec, error) from None

    def _client(self) -> openai.AsyncOpenAI:
        if self.is_closed:
            raise UsageError("the backend is closed", hint="make a new one")
        if self._opened is None:
            self._opened = _opened(self._spec)
        return self._opened


class _Clock:
    """When waiting ends: after `secs`, or at the request's deadline where that is earlier."""

    def __init__(self, secs: float, deadline_at: float | None) -> None:
        ends_at = asyncio.get_running_loop().time() + secs
        self.is_deadline = deadline_at is not None and deadline_at <= ends_at
        self.ends_at = deadline_at if self.is_deadline else ends_at
        self._secs = secs

    def exceeded(self, url: str) -> DeadlineExceeded:
        """Return the error for the time that ran out."""
        if self.is_deadline:
            return DeadlineExceeded("the time limit of the request ran out", hint="allow more time")
        return DeadlineExceeded(
            f"the server at {url} said nothing for {self._secs:g} s",
            hint="look at what keeps the server busy, then try again",
        )


def _is_of_http(error: Exception) -> bool:
    """Return whether an error is of the library below, which is httpx or httpx2 by openai's version."""
    return type(error).__module__.partition(".")[0] in {"httpx", "httpx2"}


async def _refuse(response: Any) -> None:  # noqa: ANN401  as above
    """Raise `Refused` for an answer that is none: the library would read all of it, however long."""
    if response.is_success:
        return
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > _MAX_REFUSAL_BYTES:
            break
    raise Refused(response.status_code, said_in(bytes(body)), response.headers)


def _opened(spec: OpenAISpec) -> openai.AsyncOpenAI:
    try:
        import openai  # noqa: PLC0415  as above
    except ImportError:
        raise ConfigError(
            "the backend openai needs the package openai, which is not installed",
            hint="install it: pip install 'agx[openai]'",
        ) from None
    host = urlsplit(spec.endpoint.base_url).hostname or ""
    # Reading and writing are bounded by the clocks above, which know the request's own limit.
    timeout = openai.Timeout(None, connect=spec.endpoint.limits.connect_secs)
    http = openai.DefaultAsyncHttpxClient(
        timeout=timeout,
        follow_redirects=False,
        trust_env=not _is_loopback(host),
        event_hooks={"response": [_refuse]},
    )
    return openai.AsyncOpenAI(
        base_url=spec.endpoint.base_url,
        api_key=spec.endpoint.api_key or _NO_KEY,
        max_retries=0,
        timeout=timeout,
        http_client=http,
    )


def _headers(spec: OpenAISpec) -> dict[str, Any]:
    """Return the headers of a request, and those that the library shall leave out."""
    import openai  # noqa: PLC0415  as above

    is_own = urlsplit(spec.endpoint.base_url).hostname == _OWN_HOST
    omitted = set() if is_own else {*_ACCOUNT_HEADERS}
    if spec.endpoint.api_key is None:
        omitted |= {"Authorization"}
    return dict.fromkeys(omitted, openai.Omit()) | dict(spec.endpoint.headers)


# The library wants a key; it is not sent.
_NO_KEY = "none"
_OWN_HOST = "api.openai.com"
# Read by the library from the environment, and of no concern to other servers.
_ACCOUNT_HEADERS = ("OpenAI-Organization", "OpenAI-Project")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
