"""One model of an Ollama server."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict

from agx.backends.base import BackendKind, Health, ModelFacts
from agx.backends.embedding_texts import checked_texts
from agx.backends.ollama.body import chat_body
from agx.backends.ollama.client import OllamaClient
from agx.backends.ollama.context import check_whole
from agx.backends.ollama.model import OllamaModel, calls_of, finish_reason, usage_of
from agx.backends.ollama.spec import OllamaSpec
from agx.backends.plans import GeneratesPlans
from agx.backends.portable_schema import PortableSchemas
from agx.backends.specs import Attachments
from agx.errors import AgxError, BackendError, Unsupported, UsageError
from agx.requests import Chunk, GenerationRequest, checked_seed

_MAX_FRESH_SEED = 2**31 - 1  # what every server of Ollama's takes


class OllamaBackend(GeneratesPlans):
    """One model of one server. Nothing is asked of it before the first call."""

    def __init__(self, spec: OllamaSpec, attached: Attachments | None = None) -> None:
        if attached is not None and attached.worker is not None:
            attached.worker.kill()
        self._spec = spec
        self._client = OllamaClient(spec)
        self._portable = PortableSchemas()
        self._model: OllamaModel | None = None

    def __repr__(self) -> str:
        state = ", closed" if self._client.is_closed else ""
        return f"<OllamaBackend {self._spec.model} at {self._spec.url}{state}>"

    @property
    def backend_type(self) -> BackendKind:
        """Always `BackendKind.OLLAMA`."""
        return BackendKind.OLLAMA

    @property
    def model_name(self) -> str:
        """The name by which the server knows the model."""
        return self._spec.model

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        """Stream the text; closing the iterator closes the connection, which stops the server.

        Raises `PromptTooLong` at the end where the server has cut the prompt off.
        """
        deadline_at = _deadline_at(request.deadline_secs)
        seed = checked_seed(request.seed, fresh=secrets.randbelow(_MAX_FRESH_SEED))
        request.parameters.checked()
        body = chat_body(
            self._spec, request, await self._shown(deadline_at), seed=seed, portable=self._portable
        )
        async with aclosing(self._client.chat(body, deadline_at=deadline_at)) as parts:
            async for part in parts:
                if part.message.thinking:
                    yield Chunk(part.message.thinking, is_reasoning=True)
                if part.message.content:
                    yield Chunk(part.message.content)
                if part.message.tool_calls:
                    yield Chunk("", tool_calls=calls_of(part.message.tool_calls))
                if part.done:
                    last = part.model_dump(exclude={"message"})
                    usage = usage_of(last, seed=seed)
                    check_whole(request.messages, usage, context_size=body["options"]["num_ctx"])
                    yield Chunk("", finish_reason=finish_reason(last), usage=usage)
                    return
        raise BackendError("Ollama's answer broke off before its end", hint="try again")

    async def model_facts(self) -> ModelFacts:
        """Return what the server says of the model, asked once."""
        return (await self._shown()).facts

    async def render(self, request: GenerationRequest) -> tuple[str, int]:
        """Raise `Unsupported`: the server keeps its chat template to itself."""
        raise Unsupported(
            f"Ollama does not show the prompt that it makes of {len(request.messages)} messages",
            hint="use --backend llamacpp to see a prompt",
        )

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector a text, in order; a text that is too long is an error of the server's."""
        texts = checked_texts(texts)
        if not texts:
            return []
        vectors = [[float(number) for number in vector] for vector in await self._client.embed(texts)]
        if len(vectors) != len(texts) or not all(math.isfinite(number) for one in vectors for number in one):
            raise BackendError(
                f"Ollama returned {len(vectors)} embeddings for {len(texts)} texts, or broken ones",
                hint=f"is {self._spec.model} an embedding model?",
            )
        return vectors

    async def health_check(self) -> Health:
        """Say whether the server has the model; raises nothing."""
        try:
            self._model = None
            facts = await self.model_facts()
        except AgxError as error:
            return Health(ok=False, detail=error.message, facts=error.as_dict())
        return Health(ok=True, detail=f"Ollama at {self._spec.url} has {facts.name}", facts=asdict(facts))

    async def aclose(self) -> None:
        """Close the connections; safe to call twice."""
        await self._client.aclose()

    async def _shown(self, deadline_at: float | None = None) -> OllamaModel:
        if self._client.is_closed:
            raise UsageError("the backend is closed", hint="make a new one")
        if self._model is None:
            self._model = await self._client.show(deadline_at=deadline_at)
        return self._model


def _deadline_at(deadline_secs: float | None) -> float | None:
    return None if deadline_secs is None else asyncio.get_running_loop().time() + deadline_secs
