"""A server of Ollama's on this machine: a fake that speaks what Ollama's documentation says.

Sources: https://github.com/ollama/ollama, `docs/api.md` for /api/version, /api/show, /api/blobs and
/api/create with its `files`, and `docs/openapi.yaml`. It keeps models in a folder of Ollama's layout,
and checks a blob's hash as Ollama does. What it shall do wrong is said by `Misbehaviour`.
"""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from agx.models.ollama.in_place import OllamaName
from tests.ollama_models import layer_of, put_manifest

DIGEST_LENGTH = len("sha256:") + 64


@dataclass
class Misbehaviour:
    """What goes wrong: everything here but `slow_secs` is in place of the right answer.

    `status` is by the beginning of a path, answered with `body`; `redirect` is another server, and
    `silent` and `cut` are the beginnings of paths. `create_lines` are what /api/create says, and
    `is_cut_off` ends them in the middle. `slow_secs` is waited after each piece that comes or goes.
    """

    status: dict[str, int] = field(default_factory=dict)
    body: bytes = b'{"error":"something broke"}'
    redirect: str = ""
    create_lines: list[bytes] | None = None
    is_cut_off: bool = False
    silent: str = ""
    cut: str = ""
    slow_secs: float = 0.0


@dataclass
class Request:
    """What came: method and path, the body of a JSON request, and the size of any body."""

    method: str
    path: str
    body: Any = None
    size_bytes: int = 0
    headers: dict[str, str] = field(default_factory=dict)


class OllamaServer(ThreadingHTTPServer):
    """The server; `requests` is what it was asked."""

    daemon_threads = True

    def __init__(self, folder: Path, *, version: str = "0.35.1", tags: Any = ()) -> None:
        self.tags = tags
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.version = version
        self.misbehaviour = Misbehaviour()
        self.requests: list[Request] = []
        self.received_bytes = 0
        self.ended = threading.Event()  # tells waiting handlers that the test is over

    @property
    def host(self) -> str:
        """What OLLAMA_HOST has to be."""
        return f"127.0.0.1:{self.server_address[1]}"

    def made(self, path: str) -> list[Request]:
        """Return the requests whose path begins so."""
        return [request for request in self.requests if request.path.startswith(path)]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""


@contextmanager
def ollama_server(folder: Path, **more: Any) -> Iterator[OllamaServer]:
    """Run a server that keeps its models in this folder."""
    (folder / "blobs").mkdir(parents=True, exist_ok=True)
    with OllamaServer(folder, **more) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: OllamaServer

    def log_message(self, *arguments: Any) -> None:
        """Keep what was asked where tests look."""

    def do_GET(self) -> None:
        if not self._begin():
            return
        if self.path == "/api/version":
            self._json({"version": self.server.version})
        elif self.path == "/api/tags":
            self._json({"models": self.server.tags})

    def do_HEAD(self) -> None:
        if self._begin():
            there = (self.server.folder / "blobs" / self._digest().replace(":", "-")).is_file()
            self._empty(200 if there else 404)

    def do_POST(self) -> None:
        if not self._begin():
            return
        if self.path.startswith("/api/blobs/"):
            self._take_blob()
        elif self.path == "/api/show":
            self._show()
        elif self.path == "/api/create":
            self._create()
        else:
            self._json({"error": "not found"}, status=404)

    def _begin(self) -> bool:
        """Note the request and misbehave; gives whether to go on."""
        wrong = self.server.misbehaviour
        size = int(self.headers.get("Content-Length", 0))
        self._request = Request(self.command, self.path, size_bytes=size, headers=dict(self.headers.items()))
        self.server.requests.append(self._request)
        if size and not self.path.startswith("/api/blobs/"):
            self._request.body = json.loads(self.rfile.read(size))
        status = next((code for path, code in wrong.status.items() if self.path.startswith(path)), None)
        if wrong.silent and self.path.startswith(wrong.silent):
            self.server.ended.wait()
            self.close_connection = True
        elif wrong.cut and self.path.startswith(wrong.cut):
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif wrong.redirect:
            self.send_response(307)
            self.send_header("Location", wrong.redirect + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.close_connection = True
        elif status is not None:
            self.close_connection = True  # the body, if any, stays unread
            self._answer(wrong.body, status=status)
        else:
            return True
        return False

    def _digest(self) -> str:
        digest = self.path.removeprefix("/api/blobs/")
        assert digest.startswith("sha256:"), digest
        assert len(digest) == DIGEST_LENGTH, digest
        return digest

    def _take_blob(self) -> None:
        """Take a file as Ollama does: hashed on the way, named when its hash is right."""
        left, digest, data = self._request.size_bytes, hashlib.sha256(), b""
        while left:
            piece = self.rfile.read(min(left, 1 << 16))
            if not piece:
                self.close_connection = True
                return  # whoever sent it is gone, and so is what came
            digest.update(piece)
            data += piece
            left -= len(piece)
            self.server.received_bytes += len(piece)
            time.sleep(self.server.misbehaviour.slow_secs)
        named = self._digest()
        if f"sha256:{digest.hexdigest()}" != named:
            self._json({"error": f"digest mismatch, expected {named!r}"}, status=400)
            return
        (self.server.folder / "blobs" / named.replace(":", "-")).write_bytes(data)
        self._empty(201)

    def _show(self) -> None:
        path = self._manifest()
        if not path.is_file():
            name = self._request.body["model"]
            self._json({"error": f"model '{name}' not found"}, status=404)
            return
        layers = json.loads(path.read_text())["layers"]
        froms = [f"FROM {self.server.folder}/blobs/{layer['digest'].replace(':', '-')}" for layer in layers]
        self._json({"modelfile": "\n".join(["# Modelfile", *froms]), "template": "{{ .Prompt }}"})

    def _create(self) -> None:
        """Make a model of blobs, and say each step in a line."""
        wrong = self.server.misbehaviour
        lines = wrong.create_lines
        if lines is None:
            blobs = [self._blob(digest) for digest in self._request.body["files"].values()]
            if not all(blob.is_file() for blob in blobs):
                self._json({"error": "blob not found"}, status=400)
                return
            put_manifest(self.server.folder, self._request.body["model"], [layer_of(blob) for blob in blobs])
            steps = ("parsing GGUF", "using existing layer", "writing manifest", "success")
            lines = [json.dumps({"status": step}).encode() + b"\n" for step in steps]
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in lines:
            self._chunk(line)
            time.sleep(wrong.slow_secs)
        if not wrong.is_cut_off:
            self._chunk(b"")
        self.close_connection = True

    def _chunk(self, data: bytes) -> None:
        with suppress(OSError):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
            self.wfile.flush()

    def _blob(self, digest: str) -> Path:
        return self.server.folder / "blobs" / digest.replace(":", "-")

    def _manifest(self) -> Path:
        return OllamaName.parse(self._request.body["model"]).manifest(self.server.folder)

    def _json(self, data: Any, *, status: int = 200) -> None:
        self._answer(json.dumps(data).encode(), status=status)

    def _answer(self, body: bytes, *, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _empty(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
