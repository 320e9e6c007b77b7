"""Starting the worker before anything heavy is imported, and stopping it whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agx.errors import AgxError
from agx.models.chat_templates import chat_template
from agx.models.resolve import resolve_model

if TYPE_CHECKING:
    from agx.settings.layers import Settings
    from agx.worker.process import WorkerProcess
    from agx.worker.protocol import LoadOptions


@contextmanager
def started_worker(settings: Settings, *, needed: bool) -> Iterator[WorkerProcess | None]:
    """Start the worker that these settings ask for, as the planner would start it a moment later.

    Gives None where there is none to start: what is wrong with the model, the planner says when it
    opens it, to `agx doctor` as a line.
    """
    worker = _start(settings) if needed else None
    try:
        yield worker
    finally:
        # The planner has closed it already, unless something came between.
        if worker is not None:
            worker.kill()


def _start(settings: Settings) -> WorkerProcess | None:
    if settings.text("backend") not in {"auto", "llamacpp"}:
        return None
    role = "delta" if settings.text("model_role") == "delta" else "echo"
    models_dir = None if settings.home is None else settings.home / "models"
    try:
        path = resolve_model(settings.text(f"{role}_model"), models_dir=models_dir)
        if not path.is_file():
            return None
    except (AgxError, OSError):
        return None
    from agx.worker.process import spawn  # noqa: PLC0415  light, but --help does without
    from agx.worker.protocol import LoadRequest  # noqa: PLC0415

    return spawn(LoadRequest(str(path), **load_options(settings)))


def load_options(settings: Settings) -> LoadOptions:
    """Return what the settings say of loading a model; raises `UsageError` for no chat template."""
    named = settings.optional_text("chat_template")
    return {
        "device": settings.text("device"),
        "context_size": settings.optional_integer("context_size"),
        "threads": settings.optional_integer("threads"),
        "gpu_layers": settings.optional_integer("gpu_layers"),
        "flash_attn": settings.text("flash_attn"),
        "cache_type_k": settings.text("cache_type_k"),
        "cache_type_v": settings.text("cache_type_v"),
        "mlock": settings.text("mlock") == "on",
        "mmap": settings.text("mmap") == "on",
        "chat_template": None if named is None else chat_template(named),
    }
