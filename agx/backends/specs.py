"""From a model as a person names it to the specification of the backend that understands the name.

A specification is a frozen value of its backend's own kind: all that is needed to open it, with nothing
looked up again. Two roles with the same one share a backend. This module is light: the command line
starts a worker from a specification before it imports anything heavy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from agx.backends.base import BackendKind
from agx.errors import Unsupported
from agx.models.resolve import display_name, resolve_model
from agx.requests import LoadOptions, LoadRequest

if TYPE_CHECKING:
    from agx.worker.channel import Channel


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model as a person asks for it: by a name or a path; names are looked up in `models_dir`.

    A worker that is kept in `warm_dir` is used where one fits. What is computed of prompts outlives the
    process in `cache_dir`.
    """

    model: str
    backend: BackendKind = BackendKind.AUTO
    models_dir: Path | None = None
    warm_dir: Path | None = None
    load: LoadOptions = field(default_factory=LoadOptions)
    cache_dir: Path | None = None


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
    that its backend cannot resolve.
    """
    if choice.backend not in {BackendKind.AUTO, BackendKind.LLAMACPP}:
        raise Unsupported(
            f"this version of AGX has no backend {choice.backend.value!r}",
            hint=f"set AGX_BACKEND to {BackendKind.AUTO.value} or {BackendKind.LLAMACPP.value}",
        )
    return LlamaCppSpec(
        resolve_model(choice.model, models_dir=choice.models_dir),
        name=display_name(choice.model),
        load=choice.load,
        models_dir=choice.models_dir,
        warm_dir=choice.warm_dir,
        cache_dir=choice.cache_dir,
    )
