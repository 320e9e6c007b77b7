"""What a benchmark ran on, and other processes that keep it busy."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from agx import __version__
from agx.util.machine import processor

ROOT = Path(__file__).resolve().parents[2]
# It ends with its parent, even where that was killed and could not end it.
_SPIN = "import os, sys\nwhile os.getppid() == int(sys.argv[1]):\n    sum(range(100_000))"


def facts(model: Path, *, num_threads: int) -> dict[str, str]:
    """Return what this run is measured on."""
    digest = sha256(model.read_bytes()).hexdigest()
    packages = ", ".join(
        f"{name} {_version(name)}" for name in ("llama-cpp-python", "llguidance", "pydantic")
    )
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{processor()}, {num_cores()} cores usable",
        "system": platform.platform(),
        "python": f"{platform.python_version()}, {packages}",
        "agx": f"{__version__}, commit {_commit()}",
        "model": f"{model.name}, {model.stat().st_size / 1e6:.1f} MB, sha256 {digest[:16]}",
        "threads": str(num_threads),
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def num_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def every_core_busy() -> Iterator[None]:
    """Keep every core busy with another process for the length of a block."""
    spinners: list[subprocess.Popen[bytes]] = []
    try:
        spinners.extend(_spinner() for _ in range(num_cores()))
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


def _spinner() -> subprocess.Popen[bytes]:
    # An interrupt from the keyboard reaches it, too, and it has nothing to say to that.
    return subprocess.Popen([sys.executable, "-c", _SPIN, str(os.getpid())], stderr=subprocess.DEVNULL)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


def _commit() -> str:
    if not (ROOT / ".git").exists():
        return "unknown"
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
