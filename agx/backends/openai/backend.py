"""A model behind a server that speaks OpenAI's API."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, replace
from typing import Any

from agx.backends.base import BackendKind, Health, ModelFacts
from agx.backends.embedding_texts import checked_texts
from agx.backends.openai.abilities import CONSTRAINING, Abilities, Flavour, Form, after_refusal
from agx.backends.openai.answer import Answer
from agx.backends.openai.body import chat_body
from agx.backends.openai.client import Client, Refused
from agx.backends.openai.failures import refusal
from agx.backends.openai.memory import remember, remembered
from agx.backends.openai.models import facts_of, flavour_by_models, listed_models, props_url, vectors_of
from agx.backends.openai.spec import OpenAISpec
from agx.backends.plans import GeneratesPlans
from agx.backends.portable_schema import PortableSchemas
from agx.backends.specs import Attachments
from agx.errors import AgxError, BackendError, BackendUnreachable, DeadlineExceeded, Unsupported
from agx.requests import Chunk, GenerationRequest, checked_seed

_NO_MODELS_LIST = frozenset({404, 405, 501})
_MAX_OPEN_SEED = 2**31 - 1  # what every server takes


class OpenAIBackend(GeneratesPlans):
    """One model on one server. Nothing is asked of it before the first call."""

    def __init__(self, spec: OpenAISpec, attached: Attachments | None = None) -> None:
        attached = attached or Attachments()
        if attached.worker is not None:
            attached.worker.kill()
        self._spec = spec
        self._client = Client(spec)
        self._on_warning = attached.on_warning
        self._abilities = Abilities()
        self._portable = PortableSchemas()
        self._facts: ModelFacts | None = None
        self._asking = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<OpenAIBackend {self._spec.model} at {self._spec.endpoint.base_url}>"

    @property
    def backend_type(self) -> BackendKind:
        """Always `BackendKind.OPENAI`."""
        return BackendKind.OPENAI

    @property
    def model_name(self) -> str:
        """The name by which the server knows the model."""
        return self._spec.model

    @property
    def abilities(self) -> Abilities:
        """What is known of the server by now."""
        return self._abilities

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        """Stream the text; closing the iterator closes the connection.

        Raises `Unsupported` for a grammar, which this API does not have.
        """
        if request.grammar is not None:
            raise Unsupported(
                "a server of OpenAI's API holds a text to a JSON Schema, and to no grammar",
                hint="leave the dialect to AGX (auto), or use json",
            )
        seed = checked_seed(request.seed, fresh=secrets.randbelow(_MAX_OPEN_SEED))
        deadline_at = _deadline_at(request.deadline_secs)
        await self._known(deadline_at)
        abilities = self._abilities
        while True:
            answer = Answer(is_tool=request.schema is not None and abilities.form is Form.TOOL)
            body = chat_body(self._spec, request, abilities, seed=seed, portable=self._portable)
            try:
                async with aclosing(self._chunks(answer, body, request, deadline_at)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                break
            except Refused as error:
                abilities = self._adapted(abilities, error, request)
        last, calls = answer.last(seed), answer.tool_calls()
        if calls:
            yield Chunk("", tool_calls=calls)
        self._remember(abilities, answer, request)
        yield last

    async def model_facts(self) -> ModelFacts:
        """Ask the server for its models where that has not happened, and give what it says of this one."""
        return await self._known(None)

    async def render(self, request: GenerationRequest) -> tuple[str, int]:
        """Raise `Unsupported`: the server makes the prompt, and does not show it."""
        raise Unsupported(
            f"the prompt that a server makes of {len(request.messages)} messages is not known here",
            hint="use the backend llamacpp to see a prompt",
        )

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector a text; raises `Unsupported` where the server has no embeddings."""
        texts = checked_texts(texts)
        if not texts:
            return []
        try:
            answer = await self._client.post(
                "/embeddings", {"model": self._spec.model, "input": list(texts), "encoding_format": "float"}
            )
        except Refused as error:
            if error.status in {400, 404, 405, 501} and "model" not in error.said.lower():
                raise Unsupported(
                    f"the server at {self._spec.endpoint.base_url} makes no embeddings: {self._said(error)}",
                    hint="start it with embeddings turned on, or use another server",
                ) from None
            raise self._error(error) from None
        vectors = vectors_of(answer, count=len(texts))
        if vectors is None:
            raise BackendError("the server's embeddings are not one vector a text", hint="use another server")
        return vectors

    async def health_check(self) -> Health:
        """Say whether the server answers; raises nothing."""
        try:
            facts = await self._known(None, again=True)
        except AgxError as error:
            return Health(ok=False, detail=error.message, facts=error.as_dict())
        detail = f"{facts.name} at {self._spec.endpoint.base_url} ({self._abilities.flavour.value})"
        return Health(ok=True, detail=detail, facts=asdict(facts) | asdict(self._abilities))

    async def aclose(self) -> None:
        """Close the connections; safe to call twice."""
        await self._client.aclose()

    async def _chunks(
        self, answer: Answer, body: Mapping[str, Any], request: GenerationRequest, deadline_at: float | None
    ) -> AsyncGenerator[Chunk, None]:
        max_tokens = request.parameters.max_tokens + (request.reasoning_tokens or 0)
        events = self._client.stream(body, max_tokens=max_tokens, deadline_at=deadline_at)
        async with aclosing(events):
            async for event in events:
                for chunk in answer.read(event):
                    yield chunk

    async def _known(self, deadline_at: float | None, *, again: bool = False) -> ModelFacts:
        """Return the model's facts; the first call finds out whose server it is."""
        async with self._asking:
            if self._facts is None or again:
                self._facts = await self._asked(deadline_at, is_first=self._facts is None)
            return self._facts

    async def _asked(self, deadline_at: float | None, *, is_first: bool) -> ModelFacts:
        models: tuple[Mapping[str, Any], ...] = ()
        flavour = flavour_by_models(self._spec, models, {})
        try:
            answer, headers = await self._client.get("/models", deadline_at=deadline_at)
            models = listed_models(answer)
            flavour = flavour_by_models(self._spec, models, headers)
        except Refused as error:
            if error.status not in _NO_MODELS_LIST:
                raise self._error(error) from None
        if is_first:
            self._abilities = remembered(self._spec, flavour) or Abilities.of(flavour)
        props = await self._props(deadline_at) if flavour is Flavour.LLAMA_SERVER else {}
        return facts_of(self._spec, flavour, models, props)

    async def _props(self, deadline_at: float | None) -> Mapping[str, Any]:
        try:
            return (await self._client.get(props_url(self._spec), deadline_at=deadline_at))[0]
        except (Refused, BackendError) as error:
            if isinstance(error, BackendUnreachable | DeadlineExceeded):
                raise
            return {}  # a proxy in front of it lets nothing through but the API

    def _adapted(self, abilities: Abilities, error: Refused, request: GenerationRequest) -> Abilities:
        """Return what to ask with after a refusal; raises its error where there is nothing left."""
        has_schema = request.schema is not None
        adapted = after_refusal(abilities, error.status, error.said, has_schema=has_schema)
        if adapted is None:
            raise self._error(error) from None
        return adapted

    def _remember(self, abilities: Abilities, answer: Answer, request: GenerationRequest) -> None:
        """Keep what worked; a form that the server took and did not keep to is left for the next one."""
        before = self._abilities
        for name in sorted(abilities.dropped - self._abilities.dropped - {"stream_options"}):
            self._warn(f"{self._spec.model} takes no {name}: the server's own is used")
        self._abilities = replace(abilities, dropped=abilities.dropped | self._abilities.dropped)
        is_held = request.schema is not None and abilities.form in CONSTRAINING
        if is_held and answer.finish_reason == "stop" and not _is_json(answer.text):
            self._abilities = self._abilities.with_next_form() or self._abilities
        if self._abilities != before:
            remember(self._spec, self._abilities)

    def _error(self, error: Refused) -> AgxError:
        return refusal(self._spec, error.status, error.said, error.headers)

    def _said(self, error: Refused) -> str:
        return self._spec.endpoint.without_secrets(error.said)

    def _warn(self, sentence: str) -> None:
        if self._on_warning is not None:
            self._on_warning(sentence)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _deadline_at(deadline_secs: float | None) -> float | None:
    return None if deadline_secs is None else asyncio.get_running_loop().time() + deadline_secs
