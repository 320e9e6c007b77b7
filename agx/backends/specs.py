"""From a model as a person names it to the specification of the backend that understands the name.

A specification is a frozen value of its backend's own kind: all that is needed to open it, with nothing
looked up again. Two roles with the same one share a backend. This module is light: the command line
starts a worker from a specification before it imports anything heavy.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from agx.backends.base import BackendKind
from agx.backends.openai.spec import Endpoint, OpenAISpec
from agx.errors import AgxError, ModelMissing, Unsupported, UsageError
from agx.models.resolve import EMBEDDED, OLLAMA, display_name, resolve_model
from agx.requests import LoadOptions, LoadRequest
from agx.util.frozen import dataclass

if TYPE_CHECKING:
    from agx.backends.ollama.spec import OllamaSpec
    from agx.backends.transformers.spec import TransformersSpec
    from agx.worker.channel import Channel


@dataclass(frozen=True, slots=True)
class ServerChoice:
    """What a person says to one kind of backend only, most of which are servers.

    `ollama_model` is Ollama's name of a model, asked for where the model's name is not Ollama's, and
    `ollama_keep_alive` how long Ollama keeps it loaded: seconds, or as in `5m`. `endpoint` is the server of
    the backend `openai`. `quantization` ("8bit", "4bit") and `hub_cache_dir`, where repositories of the hub
    are kept, are for the backend `transformers`. `plugin` is the name of another
    package's backend.
    """

    ollama_model: str | None = None
    ollama_keep_alive: str | None = None
    endpoint: Endpoint = field(default_factory=Endpoint)
    quantization: str | None = None
    hub_cache_dir: Path | None = None
    plugin: str | None = None


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model as a person asks for it: by a name or a path; names are looked up in `models_dir`.

    A worker that is kept in `warm_dir` is used where one fits. What is computed of prompts outlives the
    process in `cache_dir`. Several backends are an order: the first that can load the model generates.
    `servers` is what the backends that ask a server need to know.
    """

    model: str
    backend: BackendKind | tuple[BackendKind, ...] = BackendKind.AUTO
    models_dir: Path | None = None
    warm_dir: Path | None = None
    load: LoadOptions = field(default_factory=LoadOptions)
    cache_dir: Path | None = None
    servers: ServerChoice = field(default_factory=ServerChoice)


class BackendSpec(Protocol):
    """What any backend's specification says; the rest is its own."""

    @property
    def backend(self) -> BackendKind:
        """Which kind of backend it opens."""
        ...


@dataclass(frozen=True, slots=True)
class LlamaCppSpec:
    """One GGUF file, and how it is loaded.

    `name` is what the model is called where its metadata do not say it, if not by its file's name.
    `models_dir` is where the model's SHA-256 is remembered, and `warm_dir` where workers are kept that may
    have the model loaded already. `cache_dir` is where computed prompts are kept.
    """

    path: Path
    name: str | None = None
    load: LoadOptions = field(default_factory=LoadOptions)
    models_dir: Path | None = None
    warm_dir: Path | None = None
    cache_dir: Path | None = None

    @property
    def backend(self) -> BackendKind:
        """Always `BackendKind.LLAMACPP`."""
        return BackendKind.LLAMACPP

    @property
    def load_request(self) -> LoadRequest:
        """What its worker is started with."""
        cache_dir = None if self.cache_dir is None else str(self.cache_dir.absolute())
        return LoadRequest(str(self.path), self.load, cache_dir)


@dataclass(frozen=True, slots=True)
class PluginSpec:
    """The name of an entry point, and what it is called with."""

    name: str
    choice: ModelChoice

    @property
    def backend(self) -> BackendKind:
        """Always `BackendKind.PLUGIN`."""
        return BackendKind.PLUGIN


@dataclass(frozen=True, slots=True)
class UnavailableSpec:
    """A backend that cannot be opened, and why: its place in an order goes to the next."""

    backend: BackendKind
    error: AgxError


@dataclass(frozen=True, slots=True)
class FallbackSpec:
    """Several backends in order: the first that can load its model is the one that generates."""

    specs: tuple[BackendSpec, ...]

    @property
    def backend(self) -> BackendKind:
        """The kind of the first of them."""
        return self.specs[0].backend


@dataclass(frozen=True, slots=True)
class Attachments:
    """What a backend is handed beside its specification, because it is alive.

    `worker` was started beforehand with `agx.worker.process.spawn`, or is a warm one that was reached; a
    backend that has no use for it closes it. `on_progress` is called with how much of the weights has been
    read, from 0 to 1, and `on_warning`, once each, with sentences that a user of the model should read.
    """

    worker: Channel | None = None
    on_progress: Callable[[float], None] | None = None
    on_warning: Callable[[str], None] | None = None


def specify(choice: ModelChoice) -> BackendSpec:
    """Return the specification for a model; nothing is opened.

    Raises `Unsupported` for a backend that this version lacks, `ModelMissing` and `UsageError` for a name
    that its backend cannot resolve, and `ConfigError` for a server's address that is none.
    """
    order = _order(choice)
    if len(order) == 1:
        return _specified(order[0], choice)
    return FallbackSpec(tuple(_specified_or_why_not(kind, choice) for kind in order))


def first_spec(spec: BackendSpec) -> BackendSpec:
    """Return what is tried first of a specification, so that it can be started early."""
    return first_spec(spec.specs[0]) if isinstance(spec, FallbackSpec) else spec


def _order(choice: ModelChoice) -> tuple[BackendKind, ...]:
    """Return the kinds to try; `auto` asks Ollama only for a model that somebody named as Ollama's."""
    order = choice.backend if isinstance(choice.backend, tuple) else (choice.backend,)
    if not order or (len(order) > 1 and BackendKind.AUTO in order):
        names = ",".join(kind.value for kind in order)
        raise UsageError(
            f"the backends {names!r} are no order", hint="name one or more, or auto for the usual order"
        )
    if order != (BackendKind.AUTO,):
        return tuple(dict.fromkeys(order))
    is_named = choice.servers.ollama_model is not None or choice.model.startswith(OLLAMA)
    return (BackendKind.LLAMACPP, BackendKind.OLLAMA) if is_named else (BackendKind.LLAMACPP,)


def _specified_or_why_not(kind: BackendKind, choice: ModelChoice) -> BackendSpec:
    """Return the specification of a kind; a model or a backend that is not there leaves it to the next."""
    try:
        return _specified(kind, choice)
    except (ModelMissing, Unsupported) as error:
        return UnavailableSpec(kind, error)


def _specified(kind: BackendKind, choice: ModelChoice) -> BackendSpec:
    match kind:
        case BackendKind.LLAMACPP:
            return _llamacpp(choice)
        case BackendKind.OLLAMA:
            return _ollama(choice)
        case BackendKind.OPENAI:
            return _openai(choice)
        case BackendKind.TRANSFORMERS:
            return _transformers(choice)
        case BackendKind.PLUGIN:
            return _plugin(choice)
        case _:
            raise Unsupported(
                f"this version of AGX has no backend {kind.value!r}",
                hint="set AGX_BACKEND to auto, llamacpp, ollama, openai, transformers or plugin:NAME",
            )


def _llamacpp(choice: ModelChoice) -> LlamaCppSpec:
    return LlamaCppSpec(
        resolve_model(choice.model, models_dir=choice.models_dir),
        name=display_name(choice.model),
        load=choice.load,
        models_dir=choice.models_dir,
        warm_dir=choice.warm_dir,
        cache_dir=choice.cache_dir,
    )


def _ollama(choice: ModelChoice) -> OllamaSpec:
    from agx.backends.ollama.naming import ollama_spec  # noqa: PLC0415  most plans are made without a server

    return ollama_spec(
        choice.model,
        named=choice.servers.ollama_model,
        is_alone=choice.backend in (BackendKind.OLLAMA, (BackendKind.OLLAMA,)),
        context_size=choice.load.context_size,
        keep_alive=choice.servers.ollama_keep_alive,
        environ=os.environ,
    )


def _transformers(choice: ModelChoice) -> TransformersSpec:
    from agx.backends.transformers.spec import TransformersSpec, located  # noqa: PLC0415  as for Ollama

    path, hub_name = located(choice.model, models_dir=choice.models_dir)
    return TransformersSpec(
        path,
        hub_name,
        quantization=choice.servers.quantization,
        hub_cache_dir=choice.servers.hub_cache_dir,
        load=choice.load,
        models_dir=choice.models_dir,
    )


def _plugin(choice: ModelChoice) -> PluginSpec:
    if choice.servers.plugin is None:
        raise UsageError("which package's backend?", hint="name it: --backend plugin:NAME")
    return PluginSpec(choice.servers.plugin, choice)


def _openai(choice: ModelChoice) -> OpenAISpec:
    endpoint = choice.servers.endpoint
    if choice.model == EMBEDDED:
        raise UsageError(
            f"which model of the server at {endpoint.base_url}? {EMBEDDED} is on this machine only",
            hint=f"name one with --model; {endpoint.base_url}/models lists them",
        )
    return OpenAISpec(choice.model, endpoint, cache_dir=choice.cache_dir)
