"""A cold `agx plan` as a whole process, and where its time goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from scripts.benchmark.instructions import COLD
from scripts.benchmark.machine import ROOT
from scripts.benchmark.report import Figure, Section

AIM_SECS = 0.3
# Each part ends with the moment named; together they are the whole process.
_PARTS = (
    ("interpreter", "python"),
    ("command line, settings, start of the worker", "started"),
    ("worker: interpreter and imports", "hello"),
    ("worker: model, vocabulary, context", "loaded"),
    ("waiting for the command line's own imports", "asked"),
    ("generation", "generated"),
    ("validation, end of the worker, output", "printed"),
    ("end of the process", "ended"),
)
_WITHIN = ("constraint", "prefill", "decode")


def cold(*, runs: int) -> Section:
    """Run `agx plan` that often, plain and traced in turn, after one run that compiles the modules."""
    parts: dict[str, list[float]] = defaultdict(list)
    plain, bare = [], []
    with TemporaryDirectory() as folder:
        arguments = ["plan", COLD, "--json"]
        marks = Path(folder) / "marks.json"
        for _ in range(runs + 1):
            bare.append(_run(["-c", "pass"], home=folder)[0])
            plain.append(_run(["-m", "agx", *arguments], home=folder)[0])
            began = time.monotonic()
            seconds, plan = _run(["-m", "scripts.benchmark.traced", str(marks), *arguments], home=folder)
            moments = json.loads(marks.read_text(encoding="utf-8")) | {"ended": began + seconds}
            for name, part_secs in _split(moments, began=began, plan=plan).items():
                parts[name].append(part_secs)
    return _section(bare[1:], plain[1:], {name: times[1:] for name, times in parts.items()})


def _run(arguments: Sequence[str], *, home: str) -> tuple[float, Mapping[str, Any]]:
    """Run Python with these arguments; return the seconds, and the plan that it printed, if any."""
    # Settings of whoever runs this are not what is measured. Some forbid Python to keep compiled modules; an
    # installation has them.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AGX_", "PYTHON"))}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=env | {"AGX_HOME": home, "PYTHONPYCACHEPREFIX": str(Path(home) / "compiled")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    )
    seconds = time.monotonic() - started
    return seconds, json.loads(done.stdout) if done.stdout else {}


def _split(moments: Mapping[str, float], *, began: float, plan: Mapping[str, Any]) -> dict[str, float]:
    """Return the seconds of each part; one that began late, because another was waited for, counts less."""
    parts: dict[str, float] = {}
    last = began
    for name, moment in _PARTS:
        parts[name] = max(0.0, moments[moment] - last)
        last = max(last, moments[moment])
    timings = plan["metadata"]["timings_ms"]
    return parts | {f"- {phase}": timings[phase] / 1000 for phase in _WITHIN}


def _section(bare: list[float], plain: list[float], parts: Mapping[str, list[float]]) -> Section:
    rows = [name for part, _ in _PARTS for name in (part, *_inside(part))]
    return Section(
        f'A cold `agx plan "{COLD}"`, the whole process',
        (
            Figure("whole process, median", median(plain), "s", aim=AIM_SECS),
            Figure("an empty Python, median", median(bare), "s"),
            *(Figure(name, median(parts[name]) * 1000, "ms") for name in rows),
        ),
        notes=(
            f"{len(plain)} runs; the parts follow each other, as the command line sees them, and come from",
            "runs of their own, with a clock beside them, and the indented ones are in the generation",
        ),
        samples={"whole": plain, "empty": bare, **parts},
    )


def _inside(part: str) -> list[str]:
    return [f"- {phase}" for phase in _WITHIN] if part == "generation" else []
