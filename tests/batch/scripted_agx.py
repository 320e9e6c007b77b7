"""`agx` with a model that plays a script, as a process of its own: `python -m tests.batch.scripted_agx …`.

The plan shows the file that the instruction's last word names. An instruction with "nonsense" in it gets
a text that is no plan. Every chunk takes two milliseconds, so that there is time to be killed.
"""

from __future__ import annotations

import json
import os
import sys

from agx.backends.scripted import ScriptedBackend, ScriptedReply
from agx.cli.app import run
from agx.plan.tools import Registry
from agx.planning.config import PlannerConfig
from agx.planning.planner import Planner
from agx.requests import GenerationRequest
from agx.worker.channel import Channel

MOST_REQUESTS = 10_000


def play(request: GenerationRequest) -> ScriptedReply:
    """Return what the model writes."""
    words = request.messages[-1].content.split()
    plan = json.dumps({"tasks": [{"command": "cat", "args": [words[-1]]}]})
    return ScriptedReply("no plan" if "nonsense" in words else plan, chunk_delay_secs=0.002)


def make_planner(
    config: PlannerConfig, *, registry: Registry | None = None, worker: Channel | None = None
) -> Planner:
    """Return a planner with that model."""
    assert worker is None
    return Planner(config, registry=registry, backend=ScriptedBackend([play] * MOST_REQUESTS))


if __name__ == "__main__":
    code = run(sys.argv[1:], make_planner=make_planner)
    os._exit(code)  # as `agx` does: a thread may still wait for standard input
