"""The only place that names backends; each is imported when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agx.backends.base import BackendKind, ModelBackend
from agx.errors import Unsupported

if TYPE_CHECKING:
    from agx.worker.process import WorkerProcess


def create_backend(  # noqa: PLR0913  each is a setting of its own
    kind: BackendKind,
    *,
    model: Path,
    device: str = "auto",
    context_size: int | None = None,
    threads: int | None = None,
    gpu_layers: int | None = None,
    worker: WorkerProcess | None = None,
) -> ModelBackend:
    """Make the backend of that kind for the model; nothing is loaded yet.

    `worker` is a process that was started early. Raises `Unsupported` for a kind that this version
    lacks.
    """
    if kind not in {BackendKind.AUTO, BackendKind.LLAMACPP}:
        raise Unsupported(
            f"this version of AGX has no backend {kind.value!r}",
            hint=f"set AGX_BACKEND to {BackendKind.AUTO.value} or {BackendKind.LLAMACPP.value}",
        )
    from agx.backends.llamacpp import LlamaCppBackend  # noqa: PLC0415  imported when it is asked for

    return LlamaCppBackend(
        model,
        device=device,
        context_size=context_size,
        threads=threads,
        gpu_layers=gpu_layers,
        worker=worker,
    )
