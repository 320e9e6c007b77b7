"""Starting the worker before anything heavy is imported, and stopping it whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agx.app.configure import cache_folder, load_options, models_folder, server_choice, warm_folder
from agx.backends.base import backend_order
from agx.backends.specs import LlamaCppSpec, ModelChoice, first_spec, specify
from agx.errors import AgxError
from agx.worker.starting import end_process

if TYPE_CHECKING:
    import subprocess

    from agx.settings.layers import Settings
    from agx.worker.channel import Channel


@contextmanager
def started_worker(
    settings: Settings, *, needed: bool, started: subprocess.Popen[bytes] | None = None
) -> Iterator[Channel | None]:
    """Start the worker that the settings ask for, or reach the warm one that fits, as the planner would.

    Yields None where there is nothing to start. What is wrong with the model is left to the planner,
    which says so when it opens it. `started` is a process that was started before the settings were known:
    it becomes the worker, or is ended.
    """
    worker = _start(settings, started) if needed else None
    if started is not None and (worker is None or worker.pid != started.pid):
        end_process(started)
    try:
        yield worker
    finally:
        # The planner has closed it already, unless something came between.
        if worker is not None:
            worker.kill()


def _start(settings: Settings, started: subprocess.Popen[bytes] | None) -> Channel | None:
    role = "delta" if settings.text("model_role") == "delta" else "echo"
    try:
        choice = ModelChoice(
            settings.text(f"{role}_model"),
            backend=backend_order(settings.text("backend")),
            models_dir=models_folder(settings),
            warm_dir=warm_folder(settings),
            cache_dir=cache_folder(settings),
            load=load_options(settings),
            servers=server_choice(settings),
        )
        spec = first_spec(specify(choice))
        if not isinstance(spec, LlamaCppSpec) or not spec.path.is_file():
            return None
    except (AgxError, OSError):
        return None
    from agx.worker.reach import reach_worker  # noqa: PLC0415  light, but --help does without

    return reach_worker(spec.load_request, spec.warm_dir, started=started)
