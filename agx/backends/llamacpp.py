"""GGUF models through llama.cpp, which lives in a worker process."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from agx.backends.base import BackendKind, Chunk, GenerationRequest, Health, Message, ModelFacts, Usage
from agx.backends.model_file import ModelHash
from agx.backends.plans import GeneratesPlans
from agx.errors import AgxError, Unsupported, UsageError
from agx.gguf.source import open_gguf
from agx.models.hashes import HashMemory
from agx.worker.client import WorkerClient
from agx.worker.protocol import Frame, LoadOptions, LoadRequest

if TYPE_CHECKING:
    from agx.worker.process import WorkerProcess


class LlamaCppBackend(GeneratesPlans):
    """One GGUF model. The worker starts with the first call, or with `start`.

    `options` are those of `LoadOptions`: `device` is "auto", "cpu", "cuda" or "metal"; None leaves a
    number to the engine. `worker` is a process started beforehand with `agx.worker.process.spawn` and
    the same options. `name` is what the model is called where its file does not say (the file's name).
    `hashes_path` is a file to remember the model's SHA-256 in. `on_progress` is told how much of the
    weights has been read, from 0 to 1, and `on_warning`, once, each sentence that a user of this model
    should read.
    """

    def __init__(  # noqa: PLR0913  a path, and what may be said of it
        self,
        model: Path,
        *,
        worker: WorkerProcess | None = None,
        name: str | None = None,
        hashes_path: Path | None = None,
        on_progress: Callable[[float], None] | None = None,
        on_warning: Callable[[str], None] | None = None,
        **options: Unpack[LoadOptions],
    ) -> None:
        load = LoadRequest(str(model), **options)
        self._path = Path(model)
        self._name = name or self._path.stem
        self._client = WorkerClient(load, process=worker, on_progress=on_progress)
        self._hash = ModelHash(self._path, HashMemory(hashes_path))
        self._facts: ModelFacts | None = None
        self._on_warning = on_warning
        self._told: set[str] = set()
        self._written = _WrittenSchema()

    def __repr__(self) -> str:
        return f"<LlamaCppBackend {self._client!r}>"

    @property
    def backend_type(self) -> BackendKind:
        """Always `BackendKind.LLAMACPP`."""
        return BackendKind.LLAMACPP

    @property
    def model_name(self) -> str:
        """The model's own name once it is loaded, and before the one that was given, or the file's."""
        return self._facts.name if self._facts else self._name

    def start(self) -> None:
        """Start the worker and the hash of the file where they are not running; returns at once.

        Raises `ModelMissing` or `ModelUnloadable` for what is no GGUF file at first sight, and
        `WorkerDied` for a model that has ended its worker twice.
        """
        if self._client.stage != "stopped":
            return
        open_gguf(self._path).close()
        self._client.start()
        self._hash.start()

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        """Stream the text; closing the iterator stops the generation within 250 ms."""
        self.start()
        frame = _generate_frame(request, schema=self._written.text(request.schema))
        replies = self._client.stream(frame, deadline_secs=request.deadline_secs)
        async with aclosing(replies):
            async for reply in replies:
                yield _chunk(reply)

    async def model_facts(self) -> ModelFacts:
        """Load the model where that has not happened, and give its facts."""
        self.start()
        reply = await self._client.loaded()
        self._facts = _facts(reply["model"], sha256=await self._hash.value(), fallback_name=self._name)
        self._tell(self._facts.warnings)
        return self._facts

    async def render(self, request: GenerationRequest) -> tuple[str, int]:
        """Return the prompt that the model's chat template makes of a request, and its tokens' number."""
        self.start()
        reply = await self._client.call({"op": "render", **_prompted(request)})
        self._tell((await self._client.loaded())["model"]["warnings"])
        return reply["prompt"], reply["prompt_tokens"]

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Raise `Unsupported`: this version has no embeddings."""
        raise Unsupported(
            f"this version of AGX makes no embeddings ({len(texts)} texts asked for)",
            hint="embeddings come with a later version",
        )

    async def health_check(self) -> Health:
        """Load the model and say whether that went well; raises nothing."""
        try:
            facts = await self.model_facts()
        except AgxError as error:
            return Health(ok=False, detail=error.message, facts=error.as_dict())
        detail = f"{facts.name} is loaded on {facts.device}"
        return Health(ok=True, detail=detail, facts=asdict(facts) | dict(self._client.hello))

    async def aclose(self) -> None:
        """End the worker; safe to call twice."""
        self._hash.stop()
        await self._client.aclose()

    def _tell(self, warnings: Sequence[str]) -> None:
        for warning in warnings:
            if self._on_warning is not None and warning not in self._told:
                self._on_warning(warning)
            self._told.add(warning)


class _WrittenSchema:
    """The last schema as JSON text: a planner sends the same object again and again."""

    def __init__(self) -> None:
        self._last: tuple[Mapping[str, Any], str] | None = None

    def text(self, schema: Mapping[str, Any] | None) -> str | None:
        """Return the text; raises `UsageError` for what is no JSON."""
        if schema is None:
            return None
        if self._last is None or self._last[0] is not schema:
            self._last = (schema, _as_json(schema))
        return self._last[1]


def _as_json(schema: Mapping[str, Any]) -> str:
    try:
        return json.dumps(schema, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"the schema cannot be sent: {error}", hint="give a JSON Schema") from error


def _messages(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def _prompted(request: GenerationRequest) -> Frame:
    """Return what a request says of its prompt."""
    return {
        "messages": _messages(request.messages),
        "reasoning_tokens": request.reasoning_tokens,
        "tools": list(request.tools),
        "tools_text": request.tools_text,
    }


def _generate_frame(request: GenerationRequest, *, schema: str | None) -> Frame:
    return {
        "op": "generate",
        **_prompted(request),
        "schema": schema,
        "parameters": asdict(request.parameters),
        "seed": request.seed,
        "draft": request.draft,
        "draft_margin": request.draft_margin,
    }


def _chunk(reply: Frame) -> Chunk:
    if reply["event"] == "chunk":
        return Chunk(reply["text"], is_reasoning=reply.get("is_reasoning", False))
    return Chunk("", finish_reason=reply["finish_reason"], usage=Usage(**reply["usage"]))


def _facts(model: Frame, *, sha256: str, fallback_name: str) -> ModelFacts:
    return ModelFacts(
        name=model["name"] or fallback_name,
        architecture=model["architecture"],
        sha256=sha256,
        context_length=model["context_length"],
        device=model["device"],
        planner_tools=model["planner_tools"],
        build=model["build"],
        chat_template_sha256=model["chat_template_sha256"],
        warnings=tuple(model["warnings"]),
    )
