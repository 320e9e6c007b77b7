"""A model in Hugging Face's form, through transformers, held to schemas and grammars as by llama.cpp."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from agx.backends.base import BackendKind, Health, ModelFacts
from agx.backends.call_formats import call_formats
from agx.backends.embedding_texts import checked_texts
from agx.backends.model_file import ModelHash
from agx.backends.plans import GeneratesPlans
from agx.backends.specs import Attachments
from agx.backends.transformers.model import TransformersModel
from agx.backends.transformers.spec import TransformersSpec
from agx.backends.transformers.thread import WorkThread
from agx.backends.transformers.work import Goes, embedded, generated
from agx.engine.chat.probed import MARK_CALL
from agx.engine.preparing import rendered
from agx.errors import AgxError, Unsupported
from agx.models.hashes import HASHES_NAME, HashMemory
from agx.requests import Chunk, GenerationRequest

_T = TypeVar("_T")


class TransformersBackend(GeneratesPlans):
    """One model. It is loaded by the first call, and works on one request at a time; more wait."""

    def __init__(self, spec: TransformersSpec, attached: Attachments | None = None) -> None:
        attached = attached or Attachments()
        if attached.worker is not None:
            attached.worker.kill()
        self._spec = spec
        self._on_warning = attached.on_warning
        self._warned: set[str] = set()
        self._model: TransformersModel | None = None
        self._hash: ModelHash | None = None
        self._thread = WorkThread(on_end=self._free)

    def __repr__(self) -> str:
        state = "closed" if self._thread.is_closed else "idle" if self._model is None else "loaded"
        return f"<TransformersBackend {self._spec.name}, {state}>"

    @property
    def backend_type(self) -> BackendKind:
        """Always `BackendKind.TRANSFORMERS`."""
        return BackendKind.TRANSFORMERS

    @property
    def model_name(self) -> str:
        """The model's name on the hub, or that of its folder or file."""
        return self._spec.name

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        """Stream the text; closing the iterator stops the generation before its next token.

        Raises `Unsupported` for fields that are for a server, and for an encoder.
        """
        if request.extra:
            raise Unsupported(
                f"transformers is not a server that takes {', '.join(map(repr, request.extra))}",
                hint="leave the extra fields out, or use a backend that asks a server",
            )

        def work(goes_on: Goes) -> Iterator[Chunk | str]:
            return generated(self._loaded(), replace(request, deadline_secs=None), goes_on)

        results = self._thread.results(work, deadline_secs=request.deadline_secs)
        async with aclosing(results):
            async for item in results:
                if isinstance(item, str):
                    self._warn((item,))
                else:
                    yield item

    async def model_facts(self) -> ModelFacts:
        """Load the model where that has not happened, and give its facts."""
        model = await self._done(lambda _: iter([self._loaded()]))
        assert self._hash is not None, "it begins with the load"
        template = self._spec.load.chat_template
        formats: dict[str, Any] = call_formats(model.prompts.written_call, **MARK_CALL)
        facts = ModelFacts(
            name=self._spec.name,
            architecture=model.architecture,
            sha256=await self._hash.value(),
            context_length=model.context_length,
            device=model.device,
            takes_grammar=True,
            follows_drafts=True,
            build=model.libraries.build,
            chat_template_sha256=None if template is None else hashlib.sha256(template.encode()).hexdigest(),
            warnings=tuple(model.warnings),
            **formats,
        )
        self._warn(facts.warnings)
        return facts

    async def render(self, request: GenerationRequest) -> tuple[str, int]:
        """Return the prompt that the model's chat template makes of a request, and its tokens' number."""
        prompt, num_tokens, warnings = await self._done(lambda _: iter([rendered(self._loaded(), request)]))
        self._warn(warnings)
        return prompt, num_tokens

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector a text, of length 1 and in order: the mean of the last layer over its tokens.

        Raises `UsageError` for an empty text, and `PromptTooLong` for one that the model cannot take whole.
        """
        checked = checked_texts(texts)
        if not checked:
            return []
        groups = self._thread.results(lambda goes_on: embedded(self._loaded(), checked, goes_on))
        async with aclosing(groups):
            return [vector async for group in groups for vector in group]

    async def health_check(self) -> Health:
        """Load the model and say whether that went well; raises nothing."""
        try:
            facts = await self.model_facts()
        except AgxError as error:
            return Health(ok=False, detail=error.message, facts=error.as_dict())
        return Health(ok=True, detail=f"{facts.name} is loaded on {facts.device}", facts=asdict(facts))

    async def aclose(self) -> None:
        """End what runs and free the weights; safe to call twice."""
        if self._hash is not None:
            self._hash.stop()
        await self._thread.aclose()

    async def _done(self, work: Callable[[Goes], Iterator[_T]]) -> _T:
        """Return what a piece of work yields first."""
        results = self._thread.results(work)
        async with aclosing(results):
            return await anext(results)

    def _loaded(self) -> TransformersModel:
        """Return the model; called in its thread."""
        if self._model is None:
            model = TransformersModel(self._spec)
            hashes = None if self._spec.models_dir is None else self._spec.models_dir / HASHES_NAME
            self._hash = ModelHash(model.path, HashMemory(hashes), parts=weight_files)
            self._hash.start()
            self._model = model
        return self._model

    def _free(self) -> None:
        if self._model is not None:
            self._model.close()
            self._model = None

    def _warn(self, warnings: Sequence[str]) -> None:
        for warning in warnings:
            if self._on_warning is not None and warning not in self._warned:
                self._on_warning(warning)
            self._warned.add(warning)


def weight_files(path: Path) -> list[Path]:
    """Return the files of weights in a folder, in the order of their names; a file is itself."""
    if path.is_file():
        return [path]
    found = sorted(path.glob("*.safetensors")) or sorted(path.glob("pytorch_model*.bin"))
    return [each.resolve() for each in found]
