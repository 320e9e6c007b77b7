"""What a worker says of this machine before it loads anything: devices, versions, limits."""

from __future__ import annotations

from queue import Empty, SimpleQueue

from agx.errors import WorkerDied
from agx.requests import LoadRequest
from agx.worker.channel import Death
from agx.worker.deaths import worker_died
from agx.worker.process import spawn
from agx.worker.protocol import Frame

PATIENCE_SECS = 30.0


class _Ear:
    """Hears the first frame, or the death."""

    def __init__(self) -> None:
        self.heard_first: SimpleQueue[Frame | Death] = SimpleQueue()

    def heard(self, frames: list[Frame]) -> None:
        for frame in frames:
            self.heard_first.put(frame)

    def died(self, death: Death) -> None:
        self.heard_first.put(death)


def survey() -> Frame:
    """Start a worker, return its `hello`, and end it; raises `WorkerDied` for one that says nothing.

    No model is loaded: the worker is asked for one that does not exist.
    """
    process, ear = spawn(LoadRequest("no model")), _Ear()
    try:
        process.listen(ear)
        first = ear.heard_first.get(timeout=PATIENCE_SECS)
    except Empty:
        raise WorkerDied(
            "the worker said nothing of itself", hint="run `agx doctor`", stage="loading"
        ) from None
    finally:
        process.kill()
    if isinstance(first, Death):
        raise worker_died(first, stage="loading")
    return first
