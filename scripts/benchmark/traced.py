"""Runs `agx` in this process with a clock beside it: `python -m scripts.benchmark.traced MARKS ARGUMENTS`.

Writes the moments to the file MARKS, in seconds of the monotonic clock, which all processes share. The
product is not changed for it: frames are read by a reader that notes when each came.
"""

from __future__ import annotations

import time

_MOMENTS: dict[str, float] = {"python": time.monotonic()}

import sys  # noqa: E402 - what is imported before the first moment would not be counted

from agx.cli.entry import early_worker  # noqa: E402

_WORKER = early_worker(sys.argv[2:])  # as `agx.cli.entry.main` does, before anything else

import json  # noqa: E402
from collections.abc import Callable  # noqa: E402
from functools import wraps  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import ParamSpec, TypeVar  # noqa: E402

from agx.cli import app  # noqa: E402
from agx.cli.show import formats, output  # noqa: E402
from agx.worker import channel, process, protocol  # noqa: E402

_GENERATE_ID = protocol.LOAD_ID + 1
_P = ParamSpec("_P")
_R = TypeVar("_R")


class _TimedReader(protocol.FrameReader):
    """Notes when the worker's frames came."""

    def feed(self, data: bytes) -> list[protocol.Frame]:
        """Take the next bytes and return the frames that they complete."""
        frames = super().feed(data)
        for frame in frames:
            match frame:
                case {"event": "hello"}:
                    _note("hello")
                case {"event": "done", "id": protocol.LOAD_ID}:
                    _note("loaded")
                case {"event": "done", "id": int()}:
                    _note("generated")
        return frames


def _note(moment: str) -> None:
    _MOMENTS.setdefault(moment, time.monotonic())


def _noting(moment: str, function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Note when the function returns for the first time."""

    @wraps(function)
    def timed(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        result = function(*args, **kwargs)
        _note(moment)
        return result

    return timed


def _encode(frame: protocol.Frame) -> bytes:
    if frame["op"] == "generate":
        _note("asked")
    return protocol.encode(frame)


def main() -> None:
    """Run the command line; the moments are written as soon as the plan is printed."""
    marks = Path(sys.argv.pop(1))

    def write_result(text: str) -> None:
        original(text)
        _note("printed")
        # Now: the command line may leave without coming back here.
        marks.write_text(json.dumps(_MOMENTS), encoding="utf-8")

    original = output.write_result
    vars(channel).update(FrameReader=_TimedReader, encode=_encode)
    vars(process).update(spawn=_noting("started", process.spawn))
    for module in (output, formats):
        vars(module).update(write_result=write_result)
    app.main(_WORKER)


if __name__ == "__main__":
    main()
