"""The part of Ollama's HTTP API that sharing a model needs: version, models, blobs, creating a model.

Nothing here waits for ever, follows a redirect or trusts an answer: lines and bodies have a maximum size, and
everything that goes wrong is one of our errors, with Ollama's message.

Source: https://github.com/ollama/ollama, `docs/api.md` and `docs/openapi.yaml`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import httpx

from agx.errors import AgxError, BackendError, BackendUnreachable, DeadlineExceeded, UsageError
from agx.models.fetch.http import environment_read
from agx.models.ollama.host import is_loopback

CONNECT_SECS = 10.0
# Ollama hashes a blob and writes it to the disk before it answers.
ANSWER_SECS = 600.0
MAX_BODY_BYTES = 16 << 20
MAX_LINE_BYTES = 1 << 20
_MAX_SAID_CHARS = 300
_START = "start it: ollama serve (OLLAMA_HOST names another address)"
_LOG = "what Ollama wrote to its log says more: journalctl -u ollama, or the terminal of ollama serve"


class OllamaApi:
    """An Ollama server at `url`; a context manager.

    `answer_secs` is the longest silence allowed. Every call raises `BackendUnreachable` where nothing
    answers or the connection breaks, `DeadlineExceeded` after a longer silence, `UsageError` for a
    request that Ollama refuses, and `BackendError` where Ollama fails.
    """

    def __init__(
        self, url: str, *, answer_secs: float = ANSWER_SECS, connect_secs: float = CONNECT_SECS
    ) -> None:
        self.url = url
        self._answer_secs = answer_secs
        with environment_read():
            self._client = httpx.Client(
                base_url=url,
                headers={"User-Agent": "agx", "Accept-Encoding": "identity"},
                timeout=httpx.Timeout(answer_secs, connect=connect_secs),
                # As with Ollama's own programs, a server on this machine is asked without a proxy.
                trust_env=not is_loopback(url),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def version(self) -> str:
        """Return Ollama's version; raises `BackendUnreachable` for any other server."""
        with self._asked("GET", "/api/version", doing="saying its version") as response:
            body = _json(_body(response)) if response.status_code == httpx.codes.OK else {}
        version = body.get("version")
        if not isinstance(version, str):
            raise BackendUnreachable(f"what answers at {self.url} is not Ollama", hint=_START)
        return version

    def models(self) -> list[Mapping[str, Any]]:
        """Return what the server says of each of its models: `name`, `size` in bytes, `details`."""
        doing = "listing its models"
        with self._asked("GET", "/api/tags", doing=doing) as response:
            self._check(response, doing)
            listed = _json(_body(response)).get("models")
        models = listed if isinstance(listed, list) else []
        return [each for each in models if isinstance(each, dict) and isinstance(each.get("name"), str)]

    def modelfile(self, name: str) -> str | None:
        """Return the Modelfile of a model, or None where Ollama has no such model."""
        doing = f"looking for the model {name}"
        with self._asked("POST", "/api/show", doing=doing, body={"model": name}) as response:
            if response.status_code == httpx.codes.NOT_FOUND:
                return None
            self._check(response, doing)
            return str(_json(_body(response)).get("modelfile", ""))

    def has_blob(self, digest: str) -> bool:
        """Return whether Ollama has a file with this SHA-256, in hexadecimal."""
        doing = "looking for a file"
        with self._asked("HEAD", f"/api/blobs/sha256:{digest}", doing=doing) as response:
            if response.status_code != httpx.codes.NOT_FOUND:
                self._check(response, doing)
            return response.status_code == httpx.codes.OK

    def send_blob(self, digest: str, pieces: Iterable[bytes], *, size_bytes: int) -> None:
        """Send a file of this size and SHA-256; Ollama checks the hash. `pieces` are its bytes."""
        doing, headers = "taking the file", {"Content-Length": str(size_bytes)}
        path = f"/api/blobs/sha256:{digest}"
        with self._asked("POST", path, doing=doing, content=pieces, headers=headers) as response:
            self._check(response, doing)

    def create(self, name: str, files: Mapping[str, str]) -> Iterator[str]:
        """Create a model of blobs that Ollama has (`sha256:…` by file name), and yield its progress.

        A model of this name is replaced.
        """
        doing = f"making the model {name}"
        body = {"model": name, "files": dict(files), "stream": True}
        with self._asked("POST", "/api/create", doing=doing, body=body) as response:
            self._check(response, doing)
            status = ""
            for line in filter(None, map(bytes.strip, _lines(response))):
                said = _json(line)
                if "error" in said:
                    raise _failure(doing, str(said["error"]), status=said.get("status"))
                status = str(said.get("status", ""))
                yield status
        if status != "success":
            raise BackendUnreachable(
                f"Ollama stopped answering while {doing}; the last it said was {status[:80]!r}",
                hint="run the same command again: what Ollama has is not sent twice",
            )

    @contextmanager
    def _asked(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        body: Mapping[str, Any] | None = None,
        **more: Any,  # noqa: ANN401  httpx's own arguments
    ) -> Iterator[httpx.Response]:
        """Send a request, and yield the response with its body unread."""
        try:
            with self._client.stream(method, path, json=body, **more) as response:
                if response.is_redirect:
                    raise BackendUnreachable(
                        f"{self.url} sends on to {response.headers.get('Location', '')[:200]!r},"
                        " which AGX does not follow",
                        hint="set OLLAMA_HOST to the address of Ollama itself",
                    )
                yield response
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise BackendUnreachable(f"Ollama does not answer at {self.url}", hint=_START) from error
        except httpx.TimeoutException as error:
            raise DeadlineExceeded(
                f"Ollama said nothing for {self._answer_secs:g} s while {doing}", hint=_LOG
            ) from error
        except httpx.HTTPError as error:
            raise BackendUnreachable(
                f"the connection to Ollama at {self.url} broke while {doing}: {error}",
                hint="run the same command again: what Ollama has is not sent twice",
            ) from error

    def _check(self, response: httpx.Response, doing: str) -> None:
        """Raise Ollama's error, if the response is one."""
        if response.is_success:
            return
        raw = b"" if response.request.method == "HEAD" else _body(response)
        said = _json(raw).get("error") or raw.decode(errors="replace").strip() or response.reason_phrase
        raise _failure(doing, str(said), status=response.status_code)


def _failure(doing: str, said: str, *, status: object) -> AgxError:
    """Return the error for Ollama's message: 4xx is a refusal, anything else a failure."""
    said = said[:_MAX_SAID_CHARS]
    if isinstance(status, int) and 400 <= status < 500:
        return UsageError(
            f"Ollama refused while {doing}: {said}", hint="see what it wants, or update it", status=status
        )
    return BackendError(f"Ollama failed while {doing}: {said}", hint=_LOG)


def _body(response: httpx.Response) -> bytes:
    """Return a body; raises `BackendUnreachable` for one larger than any of Ollama's."""
    body = b""
    for data in response.iter_raw():
        body += data
        if len(body) > MAX_BODY_BYTES:
            raise _too_much(response)
    return body


def _lines(response: httpx.Response) -> Iterator[bytes]:
    """Yield the lines of a body as they arrive."""
    rest = b""
    for data in response.iter_raw():
        *lines, rest = (rest + data).split(b"\n")
        yield from lines
        if len(rest) > MAX_LINE_BYTES:
            raise _too_much(response)
    yield rest


def _too_much(response: httpx.Response) -> BackendUnreachable:
    return BackendUnreachable(f"what answers at {response.url} sends more than Ollama would", hint=_START)


def _json(raw: bytes) -> Mapping[str, Any]:
    """Return a JSON object, or an empty one for any other text."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def version_numbers(version: str) -> tuple[float, ...]:
    """Return the numbers of a version such as 0.35.0-rc1; without any, or all 0, it counts as the newest."""
    words = version.partition("-")[0].split(".")
    numbers = tuple(int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 10)
    return numbers if any(numbers) else (math.inf,)
