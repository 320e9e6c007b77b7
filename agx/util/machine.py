"""The CPUs and the memory that this process may use, which may be less than the machine has; and its name.

Sources: sched_getaffinity(2), and the kernel's documentation of cgroup v2 (`cpu.max`, `memory.max`)
and v1 (`cpu.cfs_quota_us`, `memory.limit_in_bytes`); `memory.stat` in both.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import ceil
from pathlib import Path

_ROOT = Path("/")
_MAX_DIGITS = 20  # of a number of 64 bits


def usable_cpus(root: Path = _ROOT) -> int:
    """Return the number of CPUs: the affinity of the process, and the quota of its cgroups.

    A part of a CPU counts as one: of 1.5, two threads do half as much again as one does.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = (_quota(folder) for folder in _cgroups(root))
    return max(1, min([cpus, *(ceil(quota) for quota in quotas if quota is not None)]))


def memory_bytes(root: Path = _ROOT) -> tuple[int, int] | None:
    """Return the bytes of memory available now and in all; None where the system does not say.

    A limit of the cgroups lowers both; what they hold already is not available.
    """
    try:
        lines = (root / "proc/meminfo").read_text(encoding="ascii").splitlines()
        facts = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
        available, total = (int(facts[name].split()[0]) * 1024 for name in ("MemAvailable", "MemTotal"))
    except (OSError, ValueError, KeyError, IndexError):
        return None
    for folder in _cgroups(root):
        limit = _number(folder, "memory.max", "memory.limit_in_bytes")
        if limit is not None:
            total, available = min(total, limit), min(available, max(0, limit - _held_bytes(folder)))
    return available, total


def resident_bytes(pid: int, root: Path = _ROOT) -> int | None:
    """Return the memory that a process holds now, mapped files included; None where nothing says it.

    Source: `VmRSS` of proc(5), which Linux has.
    """
    try:
        lines = (root / f"proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
        [size] = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    except (OSError, ValueError, IndexError):
        return None
    kibibytes = _whole(size)
    return None if kibibytes is None else kibibytes * 1024


def processor(root: Path = _ROOT) -> str:
    """Return the name of the processor, as far as the system knows it."""
    try:
        lines = (root / "proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    if names:
        return names[0]
    import platform  # noqa: PLC0415  every worker asks for its memory, and nearly none for its name

    return platform.processor() or platform.machine()


def _cgroups(root: Path) -> Iterator[Path]:
    """Yield the folders of this process's cgroups and of their parents."""
    try:
        path = root / "proc/self/cgroup"
        lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        base = root / "sys/fs/cgroup"
        names = [part for part in controllers.split(",") if part in {"cpu", "memory"}]
        # Beside version 1, version 2 lies in a folder of its own: `unified`.
        mounts = [base / part for part in (*names, controllers)] if controllers else [base, base / "unified"]
        for mount in mounts:
            inner = Path(name.lstrip("/"))
            for folder in (inner, *inner.parents):
                if ".." not in folder.parts:
                    yield mount / folder


def _quota(folder: Path) -> float | None:
    """Return how many CPUs a cgroup may use, or None where it has no limit."""
    words = _words(folder / "cpu.max")
    if len(words) == 2:
        return _ratio(*words)
    quota, period = _words(folder / "cpu.cfs_quota_us"), _words(folder / "cpu.cfs_period_us")
    return _ratio(quota[0], period[0]) if quota and period else None


def _ratio(quota: str, period: str) -> float | None:
    parts, whole = _whole(quota), _whole(period)
    return parts / whole if parts and whole else None


def _held_bytes(folder: Path) -> int:
    """Return the bytes that a cgroup holds, without cached files, which the kernel drops on demand."""
    used = _number(folder, "memory.current", "memory.usage_in_bytes") or 0
    words = _words(folder / "memory.stat")
    facts = dict(zip(words[::2], words[1::2], strict=False))
    # In version 1 only the totals include the child cgroups, as the usage does.
    files = (facts.get(f"total_{kind}", facts.get(kind, "")) for kind in ("active_file", "inactive_file"))
    return max(0, used - sum(_whole(size) or 0 for size in files))


def _number(folder: Path, *names: str) -> int | None:
    for name in names:
        words = _words(folder / name)
        if words and (number := _whole(words[0])) is not None:
            return number
    return None


def _whole(word: str) -> int | None:
    """Return a number as the kernel writes it; None for "max" and for any other text."""
    return int(word) if word.isdecimal() and len(word) <= _MAX_DIGITS else None


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return []
