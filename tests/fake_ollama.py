"""A fake Ollama that writes text: Ollama's HTTP API on this machine, with a real GGUF behind it.

No server of Ollama's can be installed where these tests run. This one speaks what Ollama's `openapi.yaml`
says of /api/version, /api/tags, /api/show, /api/chat and /api/embed, and generates through AGX's own
llama.cpp backend. What is not like the real one:

* A model's chat template is the GGUF's own, not a Modelfile's `TEMPLATE`; there is no `system`, no stop word.
* `num_ctx` changes nothing of how the model is loaded; a longer prompt loses its oldest messages, all but the
  system message and the last one, as with Ollama.
* `format` is held by AGX's grammar, not by llama.cpp's. `keep_alive` is kept and has no effect.
* Embeddings are numbers made of the text's hash; `truncate: false` refuses a text of more than 8192 bytes.
* Nothing is pulled, pushed, created or copied; no tool calls; no log-probabilities.
* It answers requests with `stream: false` in one piece, but does not measure its durations.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agx.backends.base import ModelBackend
from agx.backends.chat_messages import messages_of
from agx.backends.llamacpp import LlamaCppBackend
from agx.backends.specs import LlamaCppSpec
from agx.errors import AgxError
from agx.requests import Chunk, GenerationRequest, LoadOptions, Parameters

CREATED = "2026-01-01T00:00:00Z"
MAX_EMBED_BYTES = 8192
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 500: "Internal Server Error"}


@dataclass
class FakeModel:
    """A model: the backend that writes its text, and what /api/show says of it."""

    backend: ModelBackend
    capabilities: tuple[str, ...] = ("completion",)
    context_length: int = 40_000
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def model_info(self) -> dict[str, Any]:
        """The metadata, by GGUF's keys."""
        return {"general.architecture": "qwen3", "qwen3.context_length": self.context_length, **self.info}


class FakeOllama:
    """The server. `exchanges` are what it was asked and answered, as path, body and answers.

    `ignores_format` leaves every schema aside, and `stopped` counts the generations whose client went away.
    """

    def __init__(self, models: dict[str, FakeModel]) -> None:
        self.models = models
        self.exchanges: list[tuple[str, Any, list[Any]]] = []
        self.ignores_format = False
        self.stopped = 0
        self.url = ""

    def asked(self, path: str) -> list[Any]:
        """Return the bodies that came for a path."""
        return [body for where, body, _ in self.exchanges if where == path]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of a connection one after the other."""
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                while await self._answer_one(reader, writer):
                    pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        path, body = first.split()[1], json.loads(raw) if raw else None
        answers: list[Any] = []
        self.exchanges.append((path, body, answers))
        status, answer = await self._answer(path, body)
        if not isinstance(answer, dict):
            return await self._stream(answer, answers, reader, writer)
        answers.append(answer)
        data = json.dumps(answer).encode()
        writer.write(_head(status, "application/json", f"Content-Length: {len(data)}") + data)
        await writer.drain()
        return True

    async def _answer(self, path: str, body: Any) -> tuple[int, dict[str, Any] | AsyncIterator[Any]]:
        if path == "/api/version":
            return 200, {"version": "0.35.1"}
        if path == "/api/tags":
            return 200, {"models": [self._summary(name) for name in self.models]}
        name = body["model"]
        model = self.models.get(name)
        if model is None:
            return 404, {"error": f"model '{name}' not found"}
        if path == "/api/embed":
            return _embedded(body)
        refusal = _refusal(model, body) if path == "/api/chat" else None
        if refusal is not None:
            return 400, {"error": f'"{name}" does not support {refusal}'}
        return 200, self._chat(model, body) if path == "/api/chat" else _shown(model)

    def _summary(self, name: str) -> dict[str, Any]:
        details = {"format": "gguf", "family": "qwen3", "families": ["qwen3"], "parameter_size": "1M"}
        return {"name": name, "model": name, "modified_at": CREATED, "size": 1, "digest": "0" * 64} | {
            "details": {**details, "quantization_level": "F32"}
        }

    async def _chat(self, model: FakeModel, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        request = await _fitted(model, _request(body, ignores_format=self.ignores_format), body)
        base = {"model": body["model"], "created_at": CREATED}
        async with aclosing(_generated(model.backend, request, body.get("tools", ()))) as chunks:
            async for chunk in chunks:
                yield base | _part(chunk)

    async def _stream(
        self,
        parts: AsyncIterator[Any],
        answers: list[Any],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Send the parts as they come; a client that goes away ends the generation."""
        writer.write(_head(200, "application/x-ndjson", "Transfer-Encoding: chunked"))
        sending = asyncio.create_task(_send(parts, answers, writer))
        leaving = asyncio.create_task(reader.read(1))
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        is_whole = sending.done()
        for task in (sending, leaving):
            task.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)
        self.stopped += not is_whole
        return False


async def _send(parts: AsyncIterator[Any], answers: list[Any], writer: asyncio.StreamWriter) -> None:
    async def send(part: dict[str, Any]) -> None:
        answers.append(part)
        data = json.dumps(part).encode() + b"\n"
        writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await writer.drain()

    try:
        async with aclosing(parts) as stream:  # type: ignore[type-var]  # it is a generator
            async for part in stream:
                await send(part)
    except AgxError as error:
        await send({"error": error.message})
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _head(status: int, content_type: str, length: str) -> bytes:
    first = f"HTTP/1.1 {status} {_REASONS[status]}\r\n"
    return f"{first}Content-Type: {content_type}; charset=utf-8\r\n{length}\r\n\r\n".encode()


def _request(body: dict[str, Any], *, ignores_format: bool) -> GenerationRequest:
    options = body.get("options", {})
    names = (
        "temperature", "top_k", "top_p", "min_p", "repeat_penalty", "presence_penalty", "frequency_penalty",
    )  # fmt: skip
    parameters = Parameters(
        **{name: options[name] for name in names if name in options},
        max_tokens=options.get("num_predict", 128),
    )
    return GenerationRequest(
        messages_of(body["messages"]),
        schema=None if ignores_format else body.get("format"),
        parameters=parameters,
        seed=options.get("seed"),
        stop=tuple(options.get("stop", ())),
        reasoning_tokens=None if body.get("think") else 0,
    )


async def _fitted(model: FakeModel, request: GenerationRequest, body: dict[str, Any]) -> GenerationRequest:
    """Leave out the oldest messages until the prompt fits, and say nothing of it, as Ollama does."""
    size = min(body.get("options", {}).get("num_ctx", 4096), model.context_length)
    messages = list(request.messages)
    while (
        len(messages) > 1
        and (await model.backend.render(replace(request, messages=tuple(messages))))[1] > size
    ):
        droppable = [place for place, each in enumerate(messages[:-1]) if each.role != "system"]
        if not droppable:
            break
        del messages[droppable[0]]
    return replace(request, messages=tuple(messages))


def _generated(
    backend: ModelBackend, request: GenerationRequest, tools: Sequence[Any]
) -> AsyncGenerator[Chunk, None]:
    """With tools the server reads the calls out of the model's text."""
    if not tools:
        return backend.generate(request)
    return backend.chat(
        request.messages,
        tools=tools,
        parameters=request.parameters,
        seed=request.seed,
        stop=request.stop,
        reasoning_tokens=request.reasoning_tokens,
    )


def _part(chunk: Chunk) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "" if chunk.is_reasoning else chunk.text}
    if chunk.is_reasoning:
        message["thinking"] = chunk.text
    if chunk.tool_calls:
        message["tool_calls"] = [
            {"function": {"name": call.name, "arguments": call.arguments}} for call in chunk.tool_calls
        ]
    if chunk.usage is None:
        return {"message": message, "done": False}
    counts = {"prompt_eval_count": chunk.usage.prompt_tokens, "eval_count": chunk.usage.completion_tokens}
    durations = dict.fromkeys(("total_duration", "load_duration", "prompt_eval_duration", "eval_duration"), 1)
    return {"message": message, "done": True, "done_reason": chunk.finish_reason, **counts, **durations}


def _refusal(model: FakeModel, body: dict[str, Any]) -> str | None:
    """Return what of a chat the model cannot do."""
    if "completion" not in model.capabilities:
        return "chat"
    return "thinking" if "think" in body and "thinking" not in model.capabilities else None


def _shown(model: FakeModel) -> dict[str, Any]:
    return {
        "modified_at": CREATED,
        "template": "{{ .Prompt }}",
        "details": {"format": "gguf", "family": "qwen3"},
        "model_info": model.model_info,
        "capabilities": list(model.capabilities),
    }


def _embedded(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    if not body.get("truncate", True) and any(len(text.encode()) > MAX_EMBED_BYTES for text in texts):
        return 400, {"error": "input length exceeds maximum context length"}
    vectors = [[byte / 255 for byte in hashlib.sha256(text.encode()).digest()[:8]] for text in texts]
    return 200, {"model": body["model"], "embeddings": vectors, "prompt_eval_count": len(texts)}


def tiny_backend(path: Path, *, context_size: int | None = 40_000) -> LlamaCppBackend:
    """Return a backend for a small model; None leaves the context to the model."""
    return LlamaCppBackend(
        LlamaCppSpec(path, load=LoadOptions(device="cpu", context_size=context_size, threads=1))
    )


@contextmanager
def fake_ollama(models: dict[str, FakeModel]) -> Iterator[FakeOllama]:
    """Run the server in a thread of its own, and close its models with it."""
    fake, started, ending = FakeOllama(models), threading.Event(), []

    async def run() -> None:
        end = asyncio.Event()
        ending.append((asyncio.get_running_loop(), end))
        server = await asyncio.start_server(fake.handle, "127.0.0.1", 0)
        fake.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started.set()
        async with server:
            await end.wait()
            server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        for model in models.values():
            await model.backend.aclose()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert started.wait(timeout=20)
    try:
        yield fake
    finally:
        loop, end = ending[0]
        loop.call_soon_threadsafe(end.set)
        thread.join()
