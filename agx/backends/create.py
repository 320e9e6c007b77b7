"""The only place that names backends; each is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from agx.backends.base import BackendKind, ModelBackend
from agx.errors import Unsupported
from agx.worker.protocol import LoadOptions

if TYPE_CHECKING:
    from agx.worker.process import WorkerProcess


def create_backend(  # noqa: PLR0913  it hands on what a backend takes
    kind: BackendKind,
    *,
    model: Path,
    worker: WorkerProcess | None = None,
    name: str | None = None,
    hashes_path: Path | None = None,
    on_progress: Callable[[float], None] | None = None,
    on_warning: Callable[[str], None] | None = None,
    **options: Unpack[LoadOptions],
) -> ModelBackend:
    """Make the backend of that kind for the model; nothing is loaded yet.

    `worker` is a process that was started early. Raises `Unsupported` for a kind that this version
    lacks. For the others see `LlamaCppBackend`.
    """
    if kind not in {BackendKind.AUTO, BackendKind.LLAMACPP}:
        raise Unsupported(
            f"this version of AGX has no backend {kind.value!r}",
            hint=f"set AGX_BACKEND to {BackendKind.AUTO.value} or {BackendKind.LLAMACPP.value}",
        )
    from agx.backends.llamacpp import LlamaCppBackend  # noqa: PLC0415  imported when it is asked for

    return LlamaCppBackend(
        model,
        worker=worker,
        name=name,
        hashes_path=hashes_path,
        on_progress=on_progress,
        on_warning=on_warning,
        **options,
    )
