"""A worker for a model, at once: the warm one that fits, or a new one."""

from __future__ import annotations

import subprocess
from pathlib import Path

from agx.requests import LoadRequest
from agx.worker.channel import Channel
from agx.worker.process import spawn
from agx.worker.warm.places import sockets


def reach_worker(
    load: LoadRequest, warm_dir: Path | None = None, *, started: subprocess.Popen[bytes] | None = None
) -> Channel:
    """Return a worker that has the model or loads it: one that is kept in `warm_dir`, else a new one.

    `started` is a process that becomes the new one, where one is needed.

    Raises as `spawn`.
    """
    if warm_dir is not None and sockets(warm_dir):
        from agx.worker.warm.connect import warm_worker  # noqa: PLC0415  the usual plan does without

        found = warm_worker(load, warm_dir)
        if found is not None:
            return found
    return spawn(load, started)
