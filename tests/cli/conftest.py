"""Running a command line inside the test process, with a backend that plays a script."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from agx.backends.scripted import Reply, ScriptedBackend
from agx.cli.app import run
from agx.plan.tools import Registry
from agx.planning.config import PlannerConfig
from agx.planning.planner import Planner
from agx.worker.channel import Channel

COUNT_LINES = json.dumps(
    {
        "tasks": [
            {"command": "find", "args": [".", "-name", "*.rs"]},
            {"command": "xargs", "args": ["wc", "-l"], "input_from_task": 1},
        ]
    }
)


@dataclass(frozen=True)
class Done:
    """What a command line left behind."""

    code: int
    out: str
    err: str
    backend: ScriptedBackend
    config: PlannerConfig | None


Agx = Callable[..., Done]


@pytest.fixture
def agx(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Agx:
    """Return a function that runs `agx` with these arguments; `replies` is what the model writes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGX_HOME", str(tmp_path / "home"))

    def call(*arguments: str, replies: tuple[Reply, ...] = (COUNT_LINES,)) -> Done:
        backend = ScriptedBackend(replies)
        configs: list[PlannerConfig] = []

        def make_planner(
            config: PlannerConfig, *, registry: Registry | None = None, worker: Channel | None = None
        ) -> Planner:
            assert worker is None
            configs.append(config)
            return Planner(config, registry=registry, backend=backend)

        code = run(arguments, make_planner=make_planner)
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err, backend, configs[0] if configs else None)

    return call
