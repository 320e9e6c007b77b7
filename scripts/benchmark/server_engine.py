"""llama.cpp's server engine, as the package `xllamacpp` has it, in a process of its own.

That process reads lines of JSON, lists of request bodies that it makes at once, and answers each with the
seconds they took and the tokens that were written: ``python -m scripts.benchmark.server_engine``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Self

_CONTEXT_TOKENS = 2048


@dataclass(frozen=True, slots=True)
class Answered:
    """What some requests took together: seconds, and the tokens written."""

    secs: float
    tokens: int


class ServerEngine:
    """The process; a context manager."""

    def __init__(self, model: Path, *, slots: int, threads: int) -> None:
        command = [
            sys.executable,
            "-m",
            "scripts.benchmark.server_engine",
            str(model),
            str(slots),
            str(threads),
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def ask(self, bodies: Sequence[str]) -> Answered:
        """Make these requests at once, and wait for all of them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(list(bodies)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        while line and not line.startswith("{"):
            line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the server engine ended")
        return Answered(**json.loads(line))


def _serve(model: str, slots: int, threads: int) -> None:
    package: Any = import_module("xllamacpp")
    parameters = package.CommonParams()
    parameters.model.path = model
    parameters.n_parallel = slots
    parameters.n_ctx = slots * _CONTEXT_TOKENS
    parameters.kv_unified = True
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    parameters.no_extra_bufts = False
    server = package.Server(parameters)
    for line in sys.stdin:
        bodies = json.loads(line)
        started = time.perf_counter()
        with ThreadPoolExecutor(len(bodies)) as pool:
            replies = list(pool.map(server.handle_chat_completions, map(json.loads, bodies)))
        secs = time.perf_counter() - started
        tokens = sum(_reply(each)["usage"]["completion_tokens"] for each in replies)
        print(json.dumps({"secs": secs, "tokens": tokens}), flush=True)


def _reply(reply: Any) -> dict[str, Any]:  # noqa: ANN401  text or data, by the package's version
    data: dict[str, Any] = json.loads(reply) if isinstance(reply, str) else reply
    if "usage" not in data:
        raise RuntimeError(f"the server engine answered {data}")
    return data


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
