"""GGUF models through llama.cpp, which lives in a worker process."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agx.backends.base import BackendKind, Chunk, GenerationRequest, Health, Message, ModelFacts, Usage
from agx.backends.model_file import ModelHash, check_model_file
from agx.backends.planning import GeneratesPlans
from agx.errors import AgxError, Unsupported, UsageError
from agx.worker.client import WorkerClient
from agx.worker.protocol import Frame, LoadRequest

if TYPE_CHECKING:
    from agx.worker.process import WorkerProcess


class LlamaCppBackend(GeneratesPlans):
    """One GGUF model. The worker starts with the first call, or with `start`.

    `device` is "auto", "cpu", "cuda" or "metal"; None for the others leaves them to the engine.
    `worker` is a process started beforehand with `agx.worker.process.spawn` and the same settings.
    """

    def __init__(  # noqa: PLR0913  each is a setting of its own
        self,
        model: Path,
        *,
        device: str = "auto",
        context_size: int | None = None,
        threads: int | None = None,
        gpu_layers: int | None = None,
        worker: WorkerProcess | None = None,
    ) -> None:
        load = LoadRequest(str(model), device, context_size, threads, gpu_layers)
        self._path = Path(model)
        self._client = WorkerClient(load, process=worker)
        self._hash = ModelHash(self._path)
        self._facts: ModelFacts | None = None
        self._written = _WrittenSchema()

    def __repr__(self) -> str:
        return f"<LlamaCppBackend {self._client!r}>"

    @property
    def backend_type(self) -> BackendKind:
        """Always `BackendKind.LLAMACPP`."""
        return BackendKind.LLAMACPP

    @property
    def model_name(self) -> str:
        """The model's own name once it is loaded, and the file's before."""
        return self._facts.name if self._facts else self._path.stem

    def start(self) -> None:
        """Start the worker and the hash of the file where they are not running; returns at once.

        Raises `ModelMissing` or `ModelUnloadable` for what is no GGUF file at first sight, and
        `WorkerDied` for a model that has ended its worker twice.
        """
        if self._client.stage != "stopped":
            return
        check_model_file(self._path)
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
        self._facts = _facts(reply["model"], sha256=await self._hash.value(), fallback_name=self._path.stem)
        return self._facts

    async def render(self, messages: Sequence[Message]) -> tuple[str, int]:
        """Give the prompt that the model's chat template makes of the messages, and its tokens' number."""
        self.start()
        reply = await self._client.call({"op": "render", "messages": _messages(messages)})
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


class _WrittenSchema:
    """The last schema as JSON text: a planner sends the same object again and again."""

    def __init__(self) -> None:
        self._last: tuple[Mapping[str, Any], str] | None = None

    def text(self, schema: Mapping[str, Any] | None) -> str | None:
        """Give the text; raises `UsageError` for what is no JSON."""
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


def _generate_frame(request: GenerationRequest, *, schema: str | None) -> Frame:
    return {
        "op": "generate",
        "messages": _messages(request.messages),
        "schema": schema,
        "parameters": asdict(request.parameters),
        "seed": request.seed,
        "reasoning_tokens": request.reasoning_tokens,
        "draft": request.draft,
        "draft_margin": request.draft_margin,
    }


def _chunk(reply: Frame) -> Chunk:
    if reply["event"] == "chunk":
        return Chunk(reply["text"])
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
    )
