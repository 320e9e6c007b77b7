"""What is needed to load one model in Hugging Face's form. Light: no library is imported."""

from __future__ import annotations

import re
from dataclasses import field
from pathlib import Path

from agx.backends.base import BackendKind
from agx.errors import ModelMissing, UsageError
from agx.models.resolve import EMBEDDED, HUB
from agx.requests import LoadOptions
from agx.util.frozen import dataclass

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}")


@dataclass(frozen=True, slots=True)
class TransformersSpec:
    """One model: a folder or a GGUF file, or with `hub_name` a repository of the hub in place of both.

    `quantization` is None, "8bit" or "4bit". Repositories are kept in `hub_cache_dir`, or where Hugging
    Face's programs keep them. `models_dir` is where the SHA-256 of weights is remembered.
    """

    path: Path | None = None
    hub_name: str | None = None
    quantization: str | None = None
    hub_cache_dir: Path | None = None
    load: LoadOptions = field(default_factory=LoadOptions)
    models_dir: Path | None = None

    @property
    def backend(self) -> BackendKind:
        """Always `BackendKind.TRANSFORMERS`."""
        return BackendKind.TRANSFORMERS

    @property
    def name(self) -> str:
        """What the model is called: its name on the hub, or that of its folder or file."""
        if self.hub_name is not None:
            return self.hub_name
        assert self.path is not None, "a model is on the hub or on this machine"
        return self.path.stem if self.path.suffix == ".gguf" else self.path.resolve().name


def located(model: str, *, models_dir: Path | None) -> tuple[Path | None, str | None]:
    """Return the folder or file that a person names, or else the name on the hub.

    Raises `UsageError` for the embedded planner, and `ModelMissing` for what is neither.
    """
    hint = "give a folder with config.json, a GGUF file, or the name of a repository such as owner/name"
    if model == EMBEDDED:
        raise UsageError(f"which model? {EMBEDDED} runs with llama.cpp only", hint=f"{hint}, with --model")
    given = Path(model).expanduser()
    for path in (given, *(() if models_dir is None else (models_dir / model, models_dir / f"{model}.gguf"))):
        if (path / "config.json").is_file() or (path.is_file() and path.suffix == ".gguf"):
            return path, None
    name = model.removeprefix(HUB)
    if _HUB_NAME.fullmatch(name) and not name.endswith(".gguf") and not given.exists():
        return None, name
    raise ModelMissing(f"{model[:200]!r} is no model in Hugging Face's form", hint=hint)
