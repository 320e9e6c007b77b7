"""A model by its size or name behind four methods: an answer, its stream, one embedding, many.

The backend, the model and the domain are named once. What a size stands for is in the catalogue, and each
kind of backend has its own name for it. Settings (device, context, endpoint, time limit) are those of AGX.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from agx.app.configure import cache_folder, load_options, models_folder, server_choice, warm_folder
from agx.backends.base import BackendKind, ModelBackend, backend_order
from agx.backends.chats import ChatAnswer, Messages, Tools, whole_answer
from agx.backends.create import create_backend
from agx.backends.specs import Attachments, ModelChoice, specify
from agx.errors import AgxError, ModelMissing, UsageError
from agx.models.catalog import CatalogEntry, model_of_size
from agx.models.resolve import OLLAMA, resolve_model
from agx.prompts.domains import domain_prompt
from agx.requests import Chunk, Message, Parameters
from agx.settings.layers import read_settings
from agx.util.loop_thread import LoopThread

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_SIZE = "qwen3_medium"
Overrides = Parameters | Mapping[str, Any] | None


class ModelManager:
    """One model for answers and embeddings; an async context manager.

    `model_type` is the kind of backend, as `--backend` names it, or an order of several. The model is
    `model`, by any name that `--model` takes, or else the one that `model_size` stands for (`qwen3_small` to
    `qwen3_xxxl`, `qwen3_moe`, `qwen3_moe_large`). `domain` chooses the system message of prompts that bring
    none. With `share_with_ollama`, a file that only Ollama has pulled is used where it lies, and the Ollama
    server is given a file that only AGX has. `embedding_model` makes the embeddings in place of the model.
    `backend` is used in place of all that, and stays the caller's to close. Nothing is loaded, and no server
    asked, before the first call.

    Raises `UsageError` for a size or a domain that is not known, and `ConfigError` for settings that cannot
    be read.
    """

    def __init__(  # noqa: PLR0913  what a model can be named by
        self,
        model_type: str = "auto",
        model_size: str = DEFAULT_SIZE,
        domain: str = "general",
        *,
        model: str | None = None,
        embedding_model: str | None = None,
        share_with_ollama: bool = False,
        parameters: Overrides = None,
        backend: ModelBackend | None = None,
    ) -> None:
        self._entry = None if model is not None else model_of_size(model_size)
        self._system = domain_prompt(domain)
        self._settings = read_settings({} if model_type == "auto" else {"backend": model_type})
        self._model, self._embedding_model = model, embedding_model
        self._shares = share_with_ollama
        self._parameters = parameters
        self._given = backend
        self._opened: dict[str, ModelBackend] = {}
        self._opening = asyncio.Lock()
        self._is_closed = False

    def __repr__(self) -> str:
        name = self._model or (self._entry.name if self._entry else "")
        return f"<ModelManager of {name}, {'closed' if self._is_closed else 'open'}>"

    @property
    def context_window(self) -> int | None:
        """The tokens that the model of a size takes; None where a model was named."""
        return None if self._entry is None else self._entry.context

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def generate_response(
        self,
        prompt: str | Messages,
        *,
        tools: Tools = (),
        parameters: Overrides = None,
        extra: Mapping[str, Any] | None = None,
    ) -> ChatAnswer:
        """Return the answer to a prompt, or to the messages of a chat; raises what `chat` raises.

        `parameters` are for this answer, and go above those of the manager.
        """
        stream = self._chunks(prompt, tools=tools, parameters=parameters, extra=extra)
        async with aclosing(stream) as chunks:
            return await whole_answer(chunks)

    async def generate_stream(
        self,
        prompt: str | Messages,
        *,
        parameters: Overrides = None,
        extra: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[str, None]:
        """Yield the answer's text as it is written, without what the model thinks before it."""
        async with aclosing(self._chunks(prompt, parameters=parameters, extra=extra)) as chunks:
            async for chunk in chunks:
                if chunk.text and not chunk.is_reasoning:
                    yield chunk.text

    async def generate_embeddings(self, text: str) -> list[float]:
        """Return the vector of one text."""
        return (await self.generate_batch_embeddings([text]))[0]

    async def generate_batch_embeddings(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector a text, in order; raises `Unsupported` where the backend makes none."""
        if isinstance(texts, str):
            raise UsageError("the texts are one text", hint="use generate_embeddings, or give a list")
        backend = await self._backend(self._embedding_model or self._model)
        return await backend.embed(texts)

    async def aclose(self) -> None:
        """Close what this manager opened; safe to call twice."""
        self._is_closed = True
        backends, self._opened = self._opened, {}
        for backend in backends.values():
            await backend.aclose()

    async def _chunks(
        self,
        prompt: str | Messages,
        *,
        parameters: Overrides,
        tools: Tools = (),
        extra: Mapping[str, Any] | None,
    ) -> AsyncGenerator[Chunk, None]:
        backend = await self._backend(self._model)
        stream = backend.chat(
            self._messages(prompt),
            tools=tools,
            parameters=_merged(self._parameters, parameters),
            extra=extra,
            deadline_secs=self._settings.optional_number("timeout_secs"),
        )
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                yield chunk

    def _messages(self, prompt: str | Messages) -> list[Any]:
        """Return the messages, with the domain's system message where they bring none."""
        messages: list[Any] = [Message("user", prompt)] if isinstance(prompt, str) else list(prompt)
        first = messages[0] if messages else None
        role = first.role if isinstance(first, Message) else dict(first or {}).get("role")
        if role in {"system", "developer"}:
            return messages
        return [Message("system", self._system), *messages]

    async def _backend(self, model: str | None) -> ModelBackend:
        if self._is_closed:
            raise UsageError("this manager is closed", hint="use it inside its `async with` block")
        if self._given is not None:
            return self._given
        async with self._opening:
            name = model or ""
            if name not in self._opened:
                self._opened[name] = await asyncio.to_thread(self._open, model)
            return self._opened[name]

    def _open(self, model: str | None) -> ModelBackend:
        settings = self._settings
        order = backend_order(settings.text("backend"))
        choice = ModelChoice(
            model or self._name_for(order[0]),
            backend=order,
            models_dir=models_folder(settings),
            warm_dir=warm_folder(settings),
            cache_dir=cache_folder(settings),
            load=load_options(settings),
            servers=server_choice(settings),
        )
        return create_backend(specify(choice), Attachments())

    def _name_for(self, kind: BackendKind) -> str:
        """Return what a kind of backend calls the model of the size."""
        entry = self._entry
        assert entry is not None, "a model or a size was named"
        match kind:
            case BackendKind.OLLAMA:
                return self._shared_name(entry) if self._shares else f"{OLLAMA}{entry.ollama}"
            case BackendKind.AUTO | BackendKind.LLAMACPP:
                return self._file_name(entry)
            case _:
                return entry.weights

    def _file_name(self, entry: CatalogEntry) -> str:
        """Return the name by which the file is found; raises `ModelMissing` where it was not fetched."""
        if self._own_file(entry) is not None:
            return entry.name
        hint = f"fetch it: agx models pull {entry.name}"
        if self._shares:
            with suppress(ModelMissing):
                resolve_model(OLLAMA + entry.ollama)
                return OLLAMA + entry.ollama
            hint += f", or ollama pull {entry.ollama}"
        raise ModelMissing(f"the model {entry.name} ({entry.size}) is not on this machine", hint=hint)

    def _shared_name(self, entry: CatalogEntry) -> str:
        """Give the file to Ollama where AGX has it, and return its name there."""
        file = self._own_file(entry)
        if file is None:
            return OLLAMA + entry.ollama
        from agx.gguf.card import read_card  # noqa: PLC0415  few managers share
        from agx.models.hashes import HASHES_NAME, HashMemory  # noqa: PLC0415  as above
        from agx.models.ollama.sharing import share_with_ollama  # noqa: PLC0415  as above

        folder = models_folder(self._settings)
        memory = HashMemory(None if folder is None else folder / HASHES_NAME)
        name = f"agx-{entry.name}"
        share_with_ollama(read_card(file).files, name, memory=memory)
        return OLLAMA + name

    def _own_file(self, entry: CatalogEntry) -> Path | None:
        with suppress(AgxError):
            file = resolve_model(entry.name, models_dir=models_folder(self._settings))
            return file if file.is_file() else None
        return None


class SyncModelManager:
    """The same for scripts: each method waits. A context manager, with a thread for its event loop."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  those of `ModelManager`
        self._manager = ModelManager(*arguments, **options)
        self._thread = LoopThread("agx-manager")

    def __enter__(self) -> Self:
        self._thread.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._thread.run(self._manager.aclose())
        finally:
            self._thread.__exit__()

    def generate_response(self, prompt: str | Messages, **options: Any) -> ChatAnswer:  # noqa: ANN401  as above
        """Return the answer; see `ModelManager.generate_response`."""
        return self._thread.run(self._manager.generate_response(prompt, **options))

    def generate_stream(self, prompt: str | Messages, **options: Any) -> Generator[str, None, None]:  # noqa: ANN401  as above
        """Yield the answer's text as it is written; closing it stops the generation."""
        texts = self._manager.generate_stream(prompt, **options)

        async def following() -> str | None:
            return await anext(texts, None)

        try:
            while (text := self._thread.run(following())) is not None:
                yield text
        finally:
            self._thread.run(texts.aclose())

    def generate_embeddings(self, text: str) -> list[float]:
        """Return the vector of one text."""
        return self._thread.run(self._manager.generate_embeddings(text))

    def generate_batch_embeddings(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector a text, in order."""
        return self._thread.run(self._manager.generate_batch_embeddings(texts))


def _merged(own: Overrides, given: Overrides) -> Overrides:
    """Return the parameters of one answer: whole ones as they are, others above the manager's."""
    if isinstance(given, Parameters) or not own:
        return given
    if isinstance(own, Parameters):
        return Parameters.from_dict(asdict(own) | dict(given or {}))
    return {**own, **(given or {})}
