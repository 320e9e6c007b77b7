"""GGUF models through llama.cpp, which lives in a worker process."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, fields, replace
from typing import Any

from agx.backends.base import BackendKind, Health, ModelFacts
from agx.backends.call_formats import call_formats
from agx.backends.embedding_texts import checked_texts
from agx.backends.model_file import ModelHash
from agx.backends.plans import GeneratesPlans
from agx.backends.specs import Attachments, LlamaCppSpec
from agx.errors import AgxError, PromptTooLong, Unsupported, UsageError
from agx.gguf.source import open_gguf
from agx.models.hashes import HASHES_NAME, HashMemory
from agx.requests import Chunk, GenerationRequest, PromptProgress, Usage
from agx.worker.client import WorkerClient
from agx.worker.protocol import Frame

# A reply has to fit into a frame, and a cancellation waits for no more than these.
_TEXTS_AT_ONCE = 64


class LlamaCppBackend(GeneratesPlans):
    """One GGUF model. The worker starts with the first call, or with `start`."""

    def __init__(self, spec: LlamaCppSpec, attached: Attachments | None = None) -> None:
        attached = attached or Attachments()
        hashes_path = None if spec.models_dir is None else spec.models_dir / HASHES_NAME
        self._spec = spec
        self._client = WorkerClient(
            spec.load_request,
            process=attached.worker,
            warm_dir=spec.warm_dir,
            on_progress=attached.on_progress,
        )
        self._hash = ModelHash(spec.path, HashMemory(hashes_path))
        self._facts: ModelFacts | None = None
        self._on_warning = attached.on_warning
        self._warned: set[str] = set()
        self._schema_text = _SchemaText()
        self._embeds_with: WorkerClient | None = None
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<LlamaCppBackend {self._client!r}>"

    @property
    def backend_type(self) -> BackendKind:
        """Always `BackendKind.LLAMACPP`."""
        return BackendKind.LLAMACPP

    @property
    def model_name(self) -> str:
        """The model's own name once it is loaded, and before the one that was given, or the file's."""
        return self._facts.name if self._facts else self._default_name

    def start(self) -> None:
        """Start the worker and the hash of the file where they are not running; returns at once.

        Raises `ModelMissing` or `ModelUnloadable` for what is no GGUF file at first sight, and
        `WorkerDied` for a model that has ended its worker twice.
        """
        if self._client.stage != "stopped":
            return
        open_gguf(self._spec.path).close()
        self._client.start()
        self._hash.start()

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        """Stream the text; closing the iterator stops the generation within 250 ms.

        Raises `Unsupported` for fields that are for a server.
        """
        if request.extra:
            raise Unsupported(
                f"llama.cpp is not a server that takes {', '.join(map(repr, request.extra))}",
                hint="leave the extra fields out, or use a backend that asks a server",
            )
        self.start()
        sent = replace(request, schema=self._schema_text.of(request.schema), deadline_secs=None)
        replies = self._client.stream(
            {"op": "generate"} | sent.as_dict(), deadline_secs=request.deadline_secs
        )
        async with aclosing(replies):
            async for reply in replies:
                self._warn(reply.get("warnings", ()))
                yield _chunk(reply)

    async def model_facts(self) -> ModelFacts:
        """Load the model where that has not happened, and give its facts."""
        self.start()
        reply = await self._client.loaded()
        self._facts = _facts(
            reply["model"], sha256=await self._hash.value(), fallback_name=self._default_name
        )
        self._warn(self._facts.warnings)
        return self._facts

    async def render(self, request: GenerationRequest) -> tuple[str, int]:
        """Return the prompt that the model's chat template makes of a request, and its tokens' number."""
        self.start()
        reply = await self._client.call(
            {"op": "render"} | replace(request, schema=None, grammar=None).as_dict()
        )
        self._warn([*(await self._client.loaded())["model"]["warnings"], *reply.get("warnings", ())])
        return reply["prompt"], reply["prompt_tokens"]

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector a text, of length 1 and in order, by a worker that only makes embeddings.

        Raises `UsageError` for an empty text, `PromptTooLong` for one that the model cannot take whole, and
        `ModelUnloadable` for a model that makes none.
        """
        checked = checked_texts(texts)
        if not checked:
            return []
        vectors: list[list[float]] = []
        for start in range(0, len(checked), _TEXTS_AT_ONCE):
            group = checked[start : start + _TEXTS_AT_ONCE]
            try:
                reply = await self._embedding_client().call({"op": "embed", "texts": group})
            except PromptTooLong as error:
                raise _placed(error, start) from None
            vectors += reply["embeddings"]
        return vectors

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
        self._is_closed = True
        embedding_client, self._embeds_with = self._embeds_with, None
        if embedding_client is not None:
            await embedding_client.aclose()
        await self._client.aclose()

    def _embedding_client(self) -> WorkerClient:
        """Return the worker for embeddings: another one, so that planning needs no memory for them."""
        if self._is_closed:
            raise UsageError("the backend is closed", hint="make a new one")
        if self._embeds_with is None:
            open_gguf(self._spec.path).close()
            self._embeds_with = WorkerClient(replace(self._spec.load_request, embeds=True))
        return self._embeds_with

    @property
    def _default_name(self) -> str:
        return self._spec.name or self._spec.path.stem

    def _warn(self, warnings: Sequence[str]) -> None:
        for warning in warnings:
            if self._on_warning is not None and warning not in self._warned:
                self._on_warning(warning)
            self._warned.add(warning)


class _SchemaText:
    """The last schema as JSON text: a planner sends the same object again and again."""

    def __init__(self) -> None:
        self._last: tuple[Mapping[str, Any], str] | None = None

    def of(self, schema: Mapping[str, Any] | str | None) -> str | None:
        """Return the text; raises `UsageError` for what JSON cannot hold."""
        if schema is None or isinstance(schema, str):
            return schema
        if self._last is None or self._last[0] is not schema:
            self._last = (schema, _as_json(schema))
        return self._last[1]


def _as_json(schema: Mapping[str, Any]) -> str:
    try:
        return json.dumps(schema, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"the schema cannot be sent: {error}", hint="give a JSON Schema") from error


def _chunk(reply: Frame) -> Chunk:
    if reply["event"] == "chunk":
        prompt = PromptProgress(*reply["prompt"]) if "prompt" in reply else None
        return Chunk(reply["text"], is_reasoning=reply.get("is_reasoning", False), prompt=prompt)
    return Chunk("", finish_reason=reply["finish_reason"], usage=Usage(**reply["usage"]))


def _placed(error: PromptTooLong, num_before: int) -> PromptTooLong:
    """Return the error of a group with the text's place among all."""
    place = error.details.get("text")
    if num_before and isinstance(place, int):
        message = error.message.replace(f"text {place} ", f"text {place + num_before} ", 1)
        return PromptTooLong(message, hint=error.hint, **error.details | {"text": place + num_before})
    return error


def _facts(model: Frame, *, sha256: str, fallback_name: str) -> ModelFacts:
    known = {each.name: model[each.name] for each in fields(ModelFacts) if each.name in model}
    return ModelFacts(
        **known
        | {
            "name": model["name"] or fallback_name,
            "sha256": sha256,
            "takes_grammar": True,
            "follows_drafts": True,
            "warnings": tuple(model["warnings"]),
        }
        | call_formats(**model["tool_call"])
    )
