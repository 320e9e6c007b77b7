"""HTTP for downloads: ranges, versions, redirects, and failures as our own errors.

A token goes to the host that was asked and to no other: httpx drops the header where a redirect leads to
another origin. Only this module and `agx.models.ollama.api` import httpx.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from agx.errors import AgxError, BackendUnreachable, ConfigError
from agx.models.fetch.refusals import Location, Lost, host_of, refusal

if TYPE_CHECKING:
    import httpx

CONNECT_SECS = 10.0
READ_SECS = 30.0
MAX_REDIRECTS = 10
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")
_MAX_DIGITS = 18
_SHA256 = re.compile(r"[0-9a-f]{64}")
_OK, _PARTIAL, _RANGE_REFUSED = 200, 206, 416


@dataclass(frozen=True, slots=True)
class Answer:
    """A response before its body: the version, its size in bytes, and where the body begins.

    `is_range` is False where the server sends the whole file instead of a range. `sha256` is the hash by
    the hub.
    """

    tag: str
    sha256: str | None
    size_bytes: int | None
    start: int
    is_range: bool
    next_page: str | None
    chunks: AsyncIterator[bytes]


@contextmanager
def environment_read() -> Iterator[None]:
    """Turn httpx's errors about a proxy or certificates in the environment into `ConfigError`."""
    import httpx  # noqa: PLC0415  nothing else needs it

    try:
        yield
    except (httpx.InvalidURL, ImportError, OSError, ValueError) as error:
        raise ConfigError(
            f"the proxy or the certificates that the environment names cannot be used: {error}",
            hint="look at HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR",
        ) from None


class HttpClient:
    """A client that keeps its connections; an async context manager.

    Creating it raises `ConfigError` for a proxy or certificates in the environment that cannot be used.
    """

    def __init__(self, *, connections: int = 4) -> None:
        import httpx  # noqa: PLC0415  nothing else needs it

        limits = httpx.Limits(max_connections=connections + 1)
        timeout = httpx.Timeout(READ_SECS, connect=CONNECT_SECS)
        with environment_read():
            self._client = httpx.AsyncClient(
                headers={"User-Agent": "agx", "Accept-Encoding": "identity"},
                timeout=timeout,
                limits=limits,
                follow_redirects=True,
                max_redirects=MAX_REDIRECTS,
            )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    @asynccontextmanager
    async def get(
        self, place: Location, *, start: int | None = None, end: int | None = None
    ) -> AsyncIterator[Answer]:
        """Request a file, or its bytes from `start` up to `end`.

        Raises `Lost`, also while the body is read, for failures that another try may mend, and an
        `AgxError` for all others.
        """
        import httpx  # noqa: PLC0415  nothing else needs it

        headers = {} if start is None else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        if place.token:
            headers["Authorization"] = f"Bearer {place.token}"
        try:
            async with self._client.stream("GET", place.url, headers=headers) as response:
                _check_route(response, place)
                _check_status(response, place)
                yield _answer(response, start=start or 0)
        except httpx.TooManyRedirects:
            raise BackendUnreachable(
                f"{host_of(place.url)} sends on from one address to the next",
                hint="check HF_ENDPOINT and the URL",
            ) from None
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise BackendUnreachable(
                f"{place.label} leads to an address that is none ({error})",
                hint="check HF_ENDPOINT and the URL",
            ) from None
        except httpx.TransportError as error:
            raise _lost(error) from None


def _lost(error: httpx.TransportError) -> AgxError | Lost:
    """Return the error for a connection that failed, about the host that was asked last."""
    import httpx  # noqa: PLC0415  nothing else needs it

    host = host_of(str(error.request.url))
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return BackendUnreachable(
            f"the certificate of {host} cannot be verified",
            hint="check the clock; SSL_CERT_FILE names the certificates of a company's proxy",
        )
    match error:
        case httpx.ConnectTimeout():
            return Lost(f"{host} does not answer")
        case httpx.TimeoutException():
            return Lost(f"{host} sent nothing for {READ_SECS:.0f} s")
        case httpx.ConnectError():
            return Lost(f"there is no connection to {host}")
    return Lost(f"the connection to {host} was cut")


def _check_route(response: httpx.Response, place: Location) -> None:
    """Refuse a redirect from an encrypted to an open connection."""
    schemes = [one.url.scheme for one in (*response.history, response)]
    if "https" in schemes and "http" in schemes[schemes.index("https") :]:
        raise BackendUnreachable(
            f"{host_of(place.url)} sends on to {host_of(str(response.url))}, which is not encrypted",
            hint="give an address that stays with https",
        )


def _check_status(response: httpx.Response, place: Location) -> None:
    status = response.status_code
    if status not in {_OK, _PARTIAL, _RANGE_REFUSED}:
        raise refusal(status, response.headers, place=place, url=str(response.url))


def _answer(response: httpx.Response, *, start: int) -> Answer:
    hops = [one.headers for one in (*response.history, response)]
    linked = next((value for one in hops if (value := _tag(one.get("X-Linked-ETag")))), "")
    tag = linked or _tag(response.headers.get("ETag")) or response.headers.get("Last-Modified", "")
    found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    is_range = response.status_code == _PARTIAL
    if (is_range and (found is None or found[1] != str(start))) or _is_encoded(response.headers):
        raise BackendUnreachable(
            f"{host_of(str(response.url))} answers with other bytes than were asked for",
            hint="give another address of the file",
        )
    return Answer(
        tag=tag,
        sha256=linked if _SHA256.fullmatch(linked) else None,
        size_bytes=_size(response.headers, found[3] if found else None),
        start=start if is_range else 0,
        is_range=is_range or response.status_code == _RANGE_REFUSED,
        next_page=response.links.get("next", {}).get("url"),
        chunks=response.aiter_raw() if response.status_code != _RANGE_REFUSED else _nothing(),
    )


async def _nothing() -> AsyncIterator[bytes]:
    """Yield nothing: the body of a range outside the file."""
    return
    yield b""


def _size(headers: Mapping[str, str], total: str | None) -> int | None:
    text = total if total is not None else headers.get("Content-Length", "")
    return int(text) if text.isdecimal() and len(text) <= _MAX_DIGITS else None


def _is_encoded(headers: Mapping[str, str]) -> bool:
    return headers.get("Content-Encoding", "identity").lower() not in {"", "identity"}


def _tag(text: str | None) -> str:
    """Return an ETag without quotes and prefix."""
    return (text or "").removeprefix("W/").strip().strip('"')
