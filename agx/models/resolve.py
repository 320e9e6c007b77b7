"""From the name of a model to its file: a path, a pulled model, one of Ollama's, the embedded planner.

Nothing is fetched here. A model that was not pulled is an error that says how to pull it.
"""

from __future__ import annotations

import re
from pathlib import Path

from agx.util.files import packaged_file

EMBEDDED = "agx-nano"
OLLAMA = "ollama:"
HUB = "hf:"
# A name of the catalogue, or owner/repository:QUANTISATION.
_MAY_BE_PULLED = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}|[\w.-]{1,96}/[\w.-]{1,96}:[\w.+-]{1,64}")


def resolve_model(name: str, *, models_dir: Path | None = None) -> Path:
    """Return the file of a model: `agx-nano`, `ollama:name:tag`, a path, or a name in the models folder.

    A model that was pulled is also found by what it was pulled as: `hf:owner/repository/file.gguf`,
    `owner/repository:Q4_K_M` or a name of the catalogue. Raises `ModelMissing` where it was not, and
    `UsageError` for an impossible name.
    """
    if name == EMBEDDED:
        return embedded_model()
    if name.startswith(OLLAMA):
        from agx.models.ollama.in_place import ollama_model  # noqa: PLC0415  most models are not there

        return ollama_model(name.removeprefix(OLLAMA))
    if name.startswith(HUB):
        return _pulled(name, models_dir) or Path(name)
    path = Path(name).expanduser() if name.startswith("~/") else Path(name)
    if path.is_absolute() or _exists(path):
        return path
    for candidate in () if models_dir is None else (models_dir / name, models_dir / f"{name}.gguf"):
        if _exists(candidate):
            return candidate
    return (_pulled(name, models_dir) if _MAY_BE_PULLED.fullmatch(name) else None) or path


def _pulled(name: str, models_dir: Path | None) -> Path | None:
    from agx.models.pulled import pulled_file  # noqa: PLC0415  most models are files by their names

    return pulled_file(name, models_dir)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # no file has a name that is too long, or has a NUL
        return False


def display_name(name: str) -> str | None:
    """Return the name of a model whose file is called otherwise; None for any other model."""
    return name.removeprefix(OLLAMA) if name.startswith(OLLAMA) else None


def embedded_model() -> Path:
    """Return the planner that comes with the package; raises `ModelMissing`."""
    return packaged_file(f"{EMBEDDED}.gguf", what="the embedded planner")
