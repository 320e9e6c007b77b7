"""A server on this machine that plays OpenAI's, vLLM's and llama-server's answers, and those that go wrong.

What is not like the real ones: no model is behind it, a token is a piece of `PIECE` characters, and of a
request only what `Abilities` of a server decide is looked at.

Sources: OpenAI's API reference (chat completions, errors); vLLM's `entrypoints/openai/protocol.py`;
llama.cpp's `tools/server/README.md`.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from agx.backends.openai.abilities import Form

PIECE = 8
KEY = "sk-secret-0123456789"
EVENTS = "text/event-stream; charset=utf-8"
Body = dict[str, Any]


@dataclass
class Refusal:
    """One answer that is none."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Behaviour:
    """How the server is.

    A schema in a form that it neither `knows` nor `ignores` is refused. `reply` makes the text of a request.
    `refusals` are given first, one a chat completion; `refused_fields` are named in a refusal as OpenAI does.
    `calls` are the names and arguments, as JSON text, of what the model calls in a chat with tools.
    `raw` is sent in place of any right answer to a chat completion: pieces, with `pause_secs` before each.
    """

    knows: frozenset[Form] = frozenset(Form)
    ignores: frozenset[Form] = frozenset()
    reply: Callable[[Body], str] = lambda _body: '{"tasks":[]}'
    thoughts: str = ""
    models: tuple[Body, ...] = ({"id": "scripted", "owned_by": "somebody"},)
    lists_models: bool = True
    props: Body | None = None
    key: str | None = None
    refusals: list[Refusal] = field(default_factory=list)
    refused_fields: frozenset[str] = frozenset()
    counts: bool = True
    streams: bool = True
    finish_reason: str = "stop"
    raw: Callable[[], Iterator[bytes]] | None = None
    content_type: str = EVENTS
    pause_secs: float = 0.0
    embeds: bool = True
    calls: tuple[tuple[str, str], ...] = ()


@dataclass
class Request:
    """What came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Body


class OpenAIServer(ThreadingHTTPServer):
    """The server. `requests` is what it was asked, `num_left` how often a client went before the end."""

    daemon_threads = True

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviour = behaviour
        self.requests: list[Request] = []
        self.num_left = 0
        self.open_connections = 0
        self.ended = threading.Event()
        self.scheme = "http"

    @property
    def url(self) -> str:
        """The base URL of its API."""
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def chats(self) -> list[Body]:
        """The bodies of all chat completions that were asked for."""
        return [request.body for request in self.requests if request.path.endswith("/chat/completions")]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that break a connection are what is tested."""


def forms_in(body: Body) -> list[Form]:
    """Return the forms in which a request says a schema."""
    kind = body.get("response_format", {}).get("type")
    found = {
        Form.STRICT_SCHEMA: kind == "json_schema" and body["response_format"]["json_schema"]["strict"],
        Form.SCHEMA: kind == "json_schema" and not body["response_format"]["json_schema"]["strict"],
        Form.JSON_OBJECT_SCHEMA: kind == "json_object" and "schema" in body["response_format"],
        Form.JSON_OBJECT: kind == "json_object" and "schema" not in body["response_format"],
        Form.STRUCTURED_OUTPUTS: "structured_outputs" in body,
        Form.GUIDED_JSON: "guided_json" in body,
        Form.JSON_SCHEMA_FIELD: "json_schema" in body,
        Form.TOOL: "tool_choice" in body,
    }
    return [form for form, is_there in found.items() if is_there]


@contextmanager
def openai_server(
    behaviour: Behaviour | None = None, *, certificate: Path | None = None
) -> Iterator[OpenAIServer]:
    """Run a server for a while; with a certificate (and its key, in one file) it speaks TLS."""
    server = OpenAIServer(behaviour or Behaviour())
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: OpenAIServer
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server.open_connections += 1

    def finish(self) -> None:
        self.server.open_connections -= 1
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's name
        """Print nothing."""

    def do_GET(self) -> None:
        self._note({})
        behaviour = self.server.behaviour
        if not self._is_allowed():
            return
        if self.path.endswith("/models") and behaviour.lists_models:
            self._json(200, {"object": "list", "data": list(behaviour.models)})
        elif self.path == "/props" and behaviour.props is not None:
            self._json(200, behaviour.props)
        else:
            self._json(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        self._note(body)
        if not self._is_allowed():
            return
        if self.path.endswith("/embeddings"):
            self._embeddings(body)
        elif self.path.endswith("/chat/completions"):
            self._chat(body)
        else:
            self._json(404, {"detail": "Not Found"})

    def _note(self, body: Body) -> None:
        self.server.requests.append(
            Request(
                self.command, self.path, {name.title(): value for name, value in self.headers.items()}, body
            )
        )

    def _is_allowed(self) -> bool:
        key = self.server.behaviour.key
        if key is None or self.headers.get("Authorization") == f"Bearer {key}":
            return True
        said = f"Incorrect API key provided: {self.headers.get('Authorization')}"
        self._json(
            401, {"error": {"message": said, "type": "invalid_request_error", "code": "invalid_api_key"}}
        )
        return False

    def _embeddings(self, body: Body) -> None:
        if not self.server.behaviour.embeds:
            self._json(501, {"error": {"message": "This server does not support embeddings."}})
            return
        data = [
            {"index": place, "embedding": [float(len(text)), 1.0]} for place, text in enumerate(body["input"])
        ]
        self._json(200, {"object": "list", "data": data[::-1]})

    def _chat(self, body: Body) -> None:
        behaviour = self.server.behaviour
        if behaviour.refusals:
            refusal = behaviour.refusals.pop(0)
            self._json(refusal.status, refusal.body, refusal.headers)
            return
        if behaviour.raw is not None:
            self._stream(behaviour.raw())
            return
        refused = sorted(behaviour.refused_fields & body.keys())
        if refused:
            said = f"Unsupported parameter: '{refused[0]}' is not supported with this model."
            if refused[0] == "max_tokens":
                said += " Use 'max_completion_tokens' instead."
            self._json(
                400, {"error": {"message": said, "param": refused[0], "code": "unsupported_parameter"}}
            )
            return
        unknown = [form for form in forms_in(body) if form not in behaviour.knows | behaviour.ignores]
        if unknown:
            said = f"Invalid parameter: 'response_format' of the form {unknown[0].value} is not supported."
            self._json(400, {"error": {"message": said, "param": "response_format", "code": None}})
            return
        self._answer(body)

    def _answer(self, body: Body) -> None:
        behaviour = self.server.behaviour
        text = behaviour.reply(body)
        is_call = Form.TOOL in forms_in(body) and Form.TOOL in behaviour.knows
        pieces = [text[start : start + PIECE] for start in range(0, len(text), PIECE)]
        thoughts = [behaviour.thoughts] if behaviour.thoughts else []
        usage = {
            "prompt_tokens": sum(len(str(message["content"]).split()) for message in body["messages"]),
            "completion_tokens": len(pieces) + len(thoughts),
        }
        if not behaviour.streams or not body.get("stream"):
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": behaviour.finish_reason}
            self._json(200, {"choices": [choice], "usage": usage})
            return
        deltas: list[Body] = [{"role": "assistant", "content": ""}]
        deltas += [{"reasoning_content": thought} for thought in thoughts]
        deltas += [_call(piece) if is_call else {"content": piece} for piece in pieces]
        if body.get("tools") and "tool_choice" not in body:
            deltas += [
                part for place, call in enumerate(behaviour.calls) for part in _call_parts(place, *call)
            ]
        self._stream(self._events(deltas, usage if behaviour.counts else None))

    def _events(self, deltas: list[Body], usage: Body | None) -> Iterator[bytes]:
        for delta in deltas:
            yield event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        end = {"index": 0, "delta": {}, "finish_reason": self.server.behaviour.finish_reason}
        yield event({"choices": [end]})
        if usage is not None:
            yield event({"choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"

    def _stream(self, pieces: Iterator[bytes]) -> None:
        behaviour = self.server.behaviour
        self.send_response(200)
        self.send_header("Content-Type", behaviour.content_type)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            for piece in pieces:
                if behaviour.pause_secs and self.server.ended.wait(behaviour.pause_secs):
                    return
                self.wfile.write(piece)
                self.wfile.flush()
        except OSError:
            self.server.num_left += 1

    def _json(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def event(data: Body) -> bytes:
    """Return a server-sent event."""
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def _call(arguments: str) -> Body:
    return {"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]}


def _call_parts(place: int, name: str, arguments: str) -> Iterator[Body]:
    """Yield a call as OpenAI streams it: the name first, the arguments in pieces."""
    function = {"name": name, "arguments": ""}
    yield {"tool_calls": [{"index": place, "id": f"call_{name}", "type": "function", "function": function}]}
    for start in range(0, len(arguments), PIECE):
        piece = arguments[start : start + PIECE]
        yield {"tool_calls": [{"index": place, "function": {"arguments": piece}}]}


def eventually(is_so: Callable[[], bool], *, secs: float = 2.0) -> bool:
    """Wait until something holds; return whether it does."""
    ends_at = time.monotonic() + secs
    while not is_so() and time.monotonic() < ends_at:
        time.sleep(0.01)
    return is_so()
