"""A model hub on loopback: the part of the hub's HTTP that downloads use, misbehaving on demand.

It answers `/api/models/OWNER/REPO/tree/REVISION` (in pages) and `/OWNER/REPO/resolve/REVISION/PATH`,
which redirects to a second server on another port, as the hub's does, and `/web/NAME`, which is a
plain web server's file. Written after https://huggingface.co/docs/hub/api and what the hub's answers
look like.
"""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

REPOSITORY = "owner/repo-GGUF"
_CHUNK_BYTES = 64 << 10


@dataclass
class Behaviour:
    """How the servers misbehave; a test may change it at any time."""

    drop_every: int = 0  # bytes of a body after which the connection is cut
    has_ranges: bool = True
    has_tag: bool = True
    has_length: bool = True
    too_long_by: int = 0  # Content-Length says so much more than comes
    wrong_sha256: str = ""
    secs_for_chunk: float = 0.0
    refusals: list[tuple[int, dict[str, str]]] = field(default_factory=list)  # given first, one a request
    refuse_all: tuple[int, dict[str, str]] | None = None
    refuse_store: tuple[int, dict[str, str]] | None = None  # what only the storage behind the hub answers
    has_expiring_addresses: bool = False  # a signed address is good for one request
    num_expired_addresses: int = 0  # so many of the next signed addresses are too old when they are given
    redirect_to: str = ""
    page_rows: int = 1000
    next_page: str = ""


@dataclass(frozen=True)
class Request:
    """One request as a server saw it."""

    path: str
    headers: Mapping[str, str]
    is_hub: bool


@lru_cache(maxsize=32)
def _digest(algorithm: str, data: bytes) -> str:
    return hashlib.new(algorithm, data).hexdigest()


class HubServer:
    """Two servers: `url` is the hub's, and what it redirects to is on another port."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.repositories: dict[str, set[str] | None] = {REPOSITORY: None}  # which of the files; None: all
        self.sizes: dict[str, int] = {}  # what the list says of files that are not there
        self.does = Behaviour()
        self.requests: list[Request] = []
        self.sent_bytes = 0
        self._lock = threading.Lock()
        self._signatures: dict[str, bool] = {}  # of addresses, and whether the storage accepts them
        self._hub, self._store = (_Server(("127.0.0.1", 0), self._handler()) for _ in range(2))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._hub.server_port}"

    @property
    def store_url(self) -> str:
        return f"http://127.0.0.1:{self._store.server_port}"

    def web(self, name: str) -> str:
        """Return the URL of a file on the plain web server."""
        return f"{self.store_url}/web/{quote(name)}"

    def names(self, repository: str) -> set[str]:
        """Return the names of the files of a repository."""
        chosen = self.repositories[repository]
        return {*self.files, *self.sizes} if chosen is None else chosen

    def sha256(self, name: str) -> str:
        return _digest("sha256", self.files[name])

    def sign(self) -> str:
        """Return the signature of a new address of the storage."""
        with self._lock:
            signature = str(len(self._signatures))
            self._signatures[signature] = self.does.num_expired_addresses <= 0
            self.does.num_expired_addresses -= 1
        return signature

    def accepts(self, signature: str) -> bool:
        """Whether an address of the storage is good for this request."""
        with self._lock:
            is_good = self._signatures.get(signature, False)
            if self.does.has_expiring_addresses:
                self._signatures[signature] = False
        return is_good

    def add_sent(self, num_bytes: int) -> None:
        with self._lock:
            self.sent_bytes += num_bytes

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(_Handler):
            owner = hub

        return Handler

    @contextmanager
    def running(self) -> Iterator[HubServer]:
        servers = (self._hub, self._store)
        threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in servers]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            for server, thread in zip(servers, threads, strict=True):
                server.shutdown()
                thread.join()
                server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: whoever asked is gone."""


class _Handler(BaseHTTPRequestHandler):
    owner: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's name
        """Say nothing."""

    def do_GET(self) -> None:
        hub, does = self.owner, self.owner.does
        is_hub = self.server is hub._hub
        hub.requests.append(Request(self.path, dict(self.headers), is_hub))
        refusal = does.refusals.pop(0) if does.refusals else does.refuse_all
        if not is_hub and refusal is None:
            refusal = does.refuse_store
        if refusal is not None:
            self._say(refusal[0], refusal[1])
            return
        parts = urlsplit(self.path)
        words = unquote(parts.path).strip("/").split("/")
        if words[0] == "api":
            self._tree("/".join(words[2:4]), parse_qs(parts.query))
        elif words[0] == "store" and not hub.accepts("".join(parse_qs(parts.query)["signature"])):
            self._say(403, {"Content-Type": "application/xml"}, b"<Error><Code>AccessDenied</Code></Error>")
        elif (words[0] == "web" and "/".join(words[1:]) in hub.files) or words[0] == "store":
            self._file("/".join(words[1:]))
        elif (
            words[2:3] == ["resolve"]
            and "/".join(words[:2]) in hub.repositories
            and "/".join(words[4:]) in hub.files
        ):
            self._redirect("/".join(words[4:]))
        else:
            code = "EntryNotFound" if "/".join(words[:2]) in hub.repositories else "RepoNotFound"
            self._say(404 if code == "EntryNotFound" else 401, {"X-Error-Code": code})

    def _say(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _tree(self, repository: str, query: Mapping[str, list[str]]) -> None:
        hub, does = self.owner, self.owner.does
        if repository not in self.owner.repositories:
            self._say(401, {"X-Error-Code": "RepoNotFound"})
            return
        rows = [
            {"type": "directory", "path": "docs", "size": 0, "oid": "0" * 40},
            {"type": "file", "path": "README.md", "size": 12, "oid": "1" * 40},
            *(self._row(name) for name in sorted(hub.names(repository))),
        ]
        start = int(query.get("cursor", ["0"])[0])
        end = start + does.page_rows
        headers = {"Content-Type": "application/json"}
        if end < len(rows) or does.next_page:
            here = f"{hub.url}/api/models/{repository}/tree/main?recursive=true&cursor={end}"
            headers["Link"] = f'<{does.next_page or here}>; rel="next"'
        self._say(200, headers, json.dumps(rows[start:end]).encode())

    def _row(self, name: str) -> dict[str, object]:
        hub = self.owner
        size = len(hub.files[name]) if name in hub.files else hub.sizes[name]
        digest = hub.does.wrong_sha256 or (hub.sha256(name) if name in hub.files else "2" * 64)
        stored = {"oid": digest, "size": size, "pointerSize": 134}
        return {"type": "file", "path": name, "size": size, "oid": "3" * 40, "lfs": stored}

    def _redirect(self, name: str) -> None:
        hub, does = self.owner, self.owner.does
        digest = does.wrong_sha256 or hub.sha256(name)
        headers = {
            "Location": does.redirect_to or f"{hub.store_url}/store/{quote(name)}?signature={hub.sign()}"
        }
        if does.has_tag:
            headers |= {"X-Linked-ETag": f'"{digest}"', "X-Linked-Size": str(len(hub.files[name]))}
        self._say(302, headers, b"Found. Redirecting")

    def _file(self, name: str) -> None:
        does, data = self.owner.does, self.owner.files[name]
        start, end, is_range = 0, len(data), False
        asked = self.headers.get("Range", "")
        if does.has_ranges and asked.startswith("bytes="):
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end, is_range = int(first), min(int(last or len(data)) + 1, len(data)), True
            if start >= len(data):
                self._say(416, {"Content-Range": f"bytes */{len(data)}"})
                return
        self.send_response(206 if is_range else 200)
        if is_range:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        if does.has_tag:
            self.send_header("ETag", f'"{_digest("md5", data)}"')
        if does.has_length:
            self.send_header("Content-Length", str(end - start + does.too_long_by))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self._body(data[start:end])

    def _body(self, data: bytes) -> None:
        does, sent = self.owner.does, 0
        try:
            while sent < len(data):
                chunk = data[sent : sent + _CHUNK_BYTES]
                if does.drop_every:
                    chunk = chunk[: does.drop_every - sent]
                    if not chunk:
                        self._cut()
                        return
                self.wfile.write(chunk)
                sent += len(chunk)
                self.owner.add_sent(len(chunk))
                if does.secs_for_chunk:
                    time.sleep(does.secs_for_chunk)
        except OSError:  # the other side is gone
            self.close_connection = True
        if does.too_long_by:
            self.close_connection = True

    def _cut(self) -> None:
        """End the connection in the middle of a body."""
        self.wfile.flush()
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True
