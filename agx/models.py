"""Where models are: a name, a path or the embedded planner to a file."""

from __future__ import annotations

from pathlib import Path

from agx.errors import ModelMissing, Unsupported

EMBEDDED = "agx-nano"
_FILE_NAME = "agx-nano.gguf"


def resolve_model(name: str, *, models_dir: Path | None = None) -> Path:
    """Give the file of a model: `agx-nano`, a path, or a name in the models folder.

    Raises `ModelMissing` where there is no such file, `Unsupported` for `hf:` and `ollama:`.
    """
    if name == EMBEDDED:
        return embedded_model()
    if name.startswith(("hf:", "ollama:")):
        raise Unsupported(
            f"models of the kind {name.partition(':')[0]!r} cannot be fetched by this version",
            hint="download the GGUF file and give its path",
        )
    path = Path(name).expanduser() if name.startswith("~/") else Path(name)
    if models_dir is None or path.is_absolute() or _exists(path):
        return path
    for candidate in (models_dir / name, models_dir / f"{name}.gguf"):
        if _exists(candidate):
            return candidate
    return path


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or has a NUL, is no file's name
        return False


def embedded_model() -> Path:
    """Give the planner that comes with the package: in a wheel inside it, in a checkout beside it."""
    package = Path(__file__).resolve().parent
    for path in (package / "data" / _FILE_NAME, package.parent / "models" / _FILE_NAME):
        if path.is_file():
            return path
    raise ModelMissing("the embedded planner is missing from this installation", hint="install AGX again")
