"""Calls of one Ollama server, by the library `ollama`: the only module that imports it.

The library puts no limit to the time or the size of an answer, and reads whatever comes as Ollama's. So
every wait has a limit here, and a hook looks at each response before its body is read: no redirect is
followed, what is not JSON is refused, and the body is counted while it comes. Its exceptions stop here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any, TypeVar

import httpx
import ollama

from agx.backends.http_limits import MAX_BODY_BYTES, MAX_LINE_BYTES
from agx.backends.ollama.model import OllamaModel
from agx.backends.ollama.spec import OllamaSpec
from agx.backends.tls import tls_refused
from agx.errors import (
    AgxError,
    BackendError,
    BackendUnreachable,
    ConfigError,
    DeadlineExceeded,
    ModelMissing,
    UsageError,
)
from agx.models.fetch.http import environment_read
from agx.models.ollama.host import is_loopback

_MAX_SAID_CHARS = 300
_START = "start it: ollama serve (OLLAMA_HOST names another address)"
_ADDRESS = "set OLLAMA_HOST to the address of Ollama itself"
_LOG = "what Ollama wrote to its log says more: journalctl -u ollama, or the terminal of ollama serve"
_Got = TypeVar("_Got")


class OllamaClient:
    """One server, whose connections are kept until it is closed."""

    def __init__(self, spec: OllamaSpec) -> None:
        self._spec = spec
        self.is_closed = False
        self._opened: ollama.AsyncClient | None = None

    async def show(self, *, deadline_at: float | None = None) -> OllamaModel:
        """Return what the server says of the model; raises `ModelMissing` where it has none of the name."""
        said = await self._answer(
            self._client.show(self._spec.model),
            doing="looking for the model",
            silence_secs=self._spec.limits.answer_secs,
            deadline_at=deadline_at,
        )
        capabilities = None if said.capabilities is None else tuple(map(str, said.capabilities))
        return OllamaModel.shown(self._spec.model, info=said.modelinfo, capabilities=capabilities)

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return the vectors of texts, none of which is cut off."""
        call = self._client.embed(
            model=self._spec.model, input=list(texts), truncate=False, keep_alive=self._spec.keep_alive
        )
        # The server may have to load the model first.
        longest = self._spec.limits.first_secs
        return (await self._answer(call, doing="making embeddings", silence_secs=longest)).embeddings

    async def chat(
        self, body: Mapping[str, Any], *, deadline_at: float | None = None
    ) -> AsyncGenerator[ollama.ChatResponse, None]:
        """Yield the parts of an answer; closing it closes the connection, which stops the server.

        `deadline_at` is by the running loop's clock. Raises `DeadlineExceeded` also after too long a silence.
        """
        limits, doing = self._spec.limits, "writing the answer"
        with self._failures(doing):
            parts = await self._client.chat(**body)
            async with aclosing(parts) as stream:
                silence_secs = limits.first_secs
                while True:
                    async with _waiting(silence_secs, doing, deadline_at=deadline_at):
                        try:
                            part = await anext(stream)
                        except StopAsyncIteration:
                            return
                    silence_secs = limits.between_secs
                    yield part

    async def aclose(self) -> None:
        """Close the connections; safe to call twice."""
        self.is_closed = True
        client, self._opened = self._opened, None
        if client is not None:
            await client.close()  # type: ignore[no-untyped-call]  # the library's

    @property
    def _client(self) -> ollama.AsyncClient:
        if self.is_closed:
            raise UsageError("the backend is closed", hint="make a new one")
        if self._opened is None:
            limits = self._spec.limits
            longest = max(limits.first_secs, limits.between_secs, limits.answer_secs)
            with environment_read():
                self._opened = ollama.AsyncClient(
                    self._spec.url,
                    headers={"Accept-Encoding": "identity"},
                    follow_redirects=False,
                    timeout=httpx.Timeout(longest, connect=limits.connect_secs),
                    # As with Ollama's own programs, a server on this machine is asked without a proxy.
                    trust_env=not is_loopback(self._spec.url),
                    event_hooks={"response": [_check_response]},
                )
        return self._opened

    async def _answer(
        self, call: Awaitable[_Got], *, doing: str, silence_secs: float, deadline_at: float | None = None
    ) -> _Got:
        with self._failures(doing):
            async with _waiting(silence_secs, doing, deadline_at=deadline_at):
                return await call

    @contextmanager
    def _failures(self, doing: str) -> Iterator[None]:
        """Turn what the library raises into our errors."""
        try:
            yield
        except AgxError:
            raise
        except ollama.ResponseError as error:
            raise self._refusal(error, doing) from None
        except (httpx.ConnectError, httpx.ConnectTimeout, ConnectionError) as error:
            refused = tls_refused(error, at=f"Ollama at {self._spec.url}")
            if refused is not None:
                raise refused from error
            raise BackendUnreachable(
                f"Ollama does not answer at {self._spec.url}", hint=_START, tried=self._spec.url
            ) from error
        except httpx.TimeoutException as error:
            raise DeadlineExceeded(
                f"Ollama at {self._spec.url} said nothing while {doing}", hint=_LOG
            ) from error
        except httpx.HTTPError as error:
            raise BackendUnreachable(
                f"the connection to Ollama at {self._spec.url} broke while {doing}: {error}", hint="try again"
            ) from error
        except httpx.InvalidURL as error:
            raise ConfigError(f"{self._spec.url} is no address of a server", hint=_ADDRESS) from error
        # What the library makes of an answer that is not Ollama's: no JSON, or other fields.
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise _not_ollama(self._spec.url, "its answer is not Ollama's") from error

    def _refusal(self, error: ollama.ResponseError, doing: str) -> AgxError:
        """Return the error for Ollama's message: 404 is a missing model, other 4xx are refusals."""
        said, status, name = str(error.error).strip()[:_MAX_SAID_CHARS], error.status_code, self._spec.model
        if status == httpx.codes.NOT_FOUND and name.partition(":")[0] in said:
            return ModelMissing(
                f"Ollama at {self._spec.url} has no model {name}", hint=f"fetch it with: ollama pull {name}"
            )
        if status == httpx.codes.NOT_FOUND:
            return _not_ollama(self._spec.url, said or "it knows no such address")
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return BackendError(f"Ollama has too much to do: {said}", hint="try again later", status=status)
        if httpx.codes.BAD_REQUEST <= status < httpx.codes.INTERNAL_SERVER_ERROR:
            hint = "see what it wants, or update it"
            return UsageError(f"Ollama refused while {doing}: {said}", hint=hint, status=status)
        return BackendError(f"Ollama failed while {doing}: {said}", hint=_LOG, status=status)


@asynccontextmanager
async def _waiting(silence_secs: float, doing: str, *, deadline_at: float | None) -> AsyncIterator[None]:
    """Raise `DeadlineExceeded` after a silence, or when the time of the request has run out."""
    silent_at = asyncio.get_running_loop().time() + silence_secs
    is_deadline = deadline_at is not None and deadline_at <= silent_at
    try:
        async with asyncio.timeout_at(deadline_at if is_deadline else silent_at):
            yield
    except TimeoutError:
        if is_deadline:
            hint = "allow more time, or use a smaller model"
            raise DeadlineExceeded("the time limit of the request ran out", hint=hint) from None
        text = f"Ollama said nothing for {silence_secs:g} s while {doing}"
        raise DeadlineExceeded(text, hint=_LOG) from None


class _CountedStream(httpx.AsyncByteStream):
    """A body that is read up to a limit: for a line of a stream, and for anything else as a whole."""

    def __init__(self, body: httpx.AsyncByteStream, url: str, *, is_lines: bool) -> None:
        self._body, self._url, self._is_lines = body, url, is_lines

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count, limit = 0, MAX_LINE_BYTES if self._is_lines else MAX_BODY_BYTES
        async for piece in self._body:
            rest = piece.rpartition(b"\n")[2] if self._is_lines else piece
            count = len(rest) if len(rest) < len(piece) else count + len(piece)
            if count > limit:
                raise _not_ollama(self._url, "it sends more than Ollama would")
            yield piece

    async def aclose(self) -> None:
        await self._body.aclose()


async def _check_response(response: httpx.Response) -> None:
    """Refuse what Ollama would not answer, and count the body of everything else."""
    url, kind = str(response.url), response.headers.get("Content-Type", "").partition(";")[0].strip()
    if response.has_redirect_location or response.is_redirect:
        place = response.headers.get("Location", "")[:200]
        raise _not_ollama(url, f"it sends on to {place!r}, which AGX does not follow")
    if response.is_success and not kind.endswith("json"):
        raise _not_ollama(url, f"it answers with {kind[:80] or 'no type at all'}")
    assert isinstance(response.stream, httpx.AsyncByteStream)
    response.stream = _CountedStream(response.stream, url, is_lines=kind.endswith("ndjson"))


def _not_ollama(url: str, why: str) -> BackendUnreachable:
    error = BackendUnreachable(f"what answers at {url} is not Ollama: {why}", hint=_ADDRESS)
    error.retryable = False
    return error
