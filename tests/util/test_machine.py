"""CPUs and memory that this process may use: affinity and cgroups lower what the machine has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from agx.util.machine import memory_bytes, processor, resident_bytes, usable_cpus

GIB = 1 << 30
MEMINFO = f"MemTotal: {16 * GIB // 1024} kB\nMemFree: 1 kB\nMemAvailable: {8 * GIB // 1024} kB\n"
V2 = {"proc/self/cgroup": "0::/a/b\n"}
V1 = {"proc/self/cgroup": "4:memory:/m\n3:cpu,cpuacct:/c\n"}


def system(folder: Path, *files: Mapping[str, str]) -> Path:
    """Make a root folder that says these things, as the kernel does."""
    for name, text in {name: text for some in files for name, text in some.items()}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return folder


@pytest.fixture(autouse=True)
def many_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(12)), raising=False)


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({}, 12),
        (V2, 12),
        (V2 | {"sys/fs/cgroup/a/b/cpu.max": "max 100000\n"}, 12),
        (V2 | {"sys/fs/cgroup/a/b/cpu.max": "250000 100000\n"}, 3),
        (V2 | {"sys/fs/cgroup/a/b/cpu.max": "max 100000", "sys/fs/cgroup/a/cpu.max": "50000 100000"}, 1),
        (V2 | {"sys/fs/cgroup/a/b/cpu.max": "nonsense"}, 12),
        (V2 | {"sys/fs/cgroup/a/b/cpu.max": ""}, 12),
        (V2 | {"sys/fs/cgroup/a/b/cpu.max": "0 100000"}, 12),
        (V2 | {"sys/fs/cgroup/a/b/cpu.max": "100000 0"}, 12),
        (V2 | {"sys/fs/cgroup/a/b/cpu.max": f"{'9' * 400} 1"}, 12),
        (V2 | {"sys/fs/cgroup/a/b/cpu.max": f"{'9' * 5000} 1"}, 12),
        (V2 | {"sys/fs/cgroup/a/b/cpu.max": "1 100000"}, 1),
        (
            V1
            | {"sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_quota_us": "400000"}
            | {"sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_period_us": "100000"},
            4,
        ),
        (
            V1
            | {"sys/fs/cgroup/cpu/c/cpu.cfs_quota_us": "-1"}
            | {"sys/fs/cgroup/cpu/c/cpu.cfs_period_us": "100000"},
            12,
        ),
    ],
    ids=[
        "no cgroups",
        "no limit",
        "max",
        "a quota",
        "a quota around",
        "nonsense",
        "nothing",
        "no time",
        "no period",
        "400 digits",
        "5000 digits",
        "next to nothing",
        "version 1",
        "none in version 1",
    ],
)
def test_a_quota_lowers_the_number_of_cpus(tmp_path: Path, files: Mapping[str, str], cpus: int) -> None:
    assert usable_cpus(system(tmp_path, files)) == cpus


def test_the_affinity_lowers_the_number_of_cpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert usable_cpus(system(tmp_path, V2, {"sys/fs/cgroup/a/b/cpu.max": "900000 100000"})) == 1


V1_CPU = "sys/fs/cgroup/cpu,cpuacct/"


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        (V2 | {"sys/fs/cgroup/a/b/cpu.max": "150000 100000\n"}, 2),
        (V2 | {"sys/fs/cgroup/a/b/cpu.max": "50000 100000\n"}, 1),
        (V2 | {"sys/fs/cgroup/a/b/cpu.max": "800000 100000\n"}, 3),
        (V1 | {V1_CPU + "c/cpu.cfs_quota_us": "150000\n", V1_CPU + "c/cpu.cfs_period_us": "100000\n"}, 2),
        (V1 | {V1_CPU + "c/cpu.cfs_quota_us": "25000\n", V1_CPU + "c/cpu.cfs_period_us": "50000\n"}, 1),
        (V1 | {V1_CPU + "cpu.cfs_quota_us": "150000\n", V1_CPU + "cpu.cfs_period_us": "100000\n"}, 2),
        (V1 | {V1_CPU + "c/cpu.cfs_quota_us": "150000\n"}, 3),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        (V2 | {"sys/fs/cgroup/unified/a/cpu.max": "150000 100000\n"}, 2),
        (V2 | {"sys/fs/cgroup/a/b/cpu.max": "max 100000\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        (V2 | {"sys/fs/cgroup/a/b/cpu.max/is/a": "folder", "sys/fs/cgroup/a/cpu.max": "150000 100000\n"}, 2),
        (V2 | {"sys/fs/cgroup/a/b/cpu.max/is/a": "folder"}, 3),
        ({"proc/self/cgroup/is/a": "folder", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 3),
        ({}, 3),
    ],
    ids=[
        "1.5", "0.5", "more than the affinity", "1.5 in version 1", "0.5 in version 1",
        "1.5 around, in version 1", "no period in version 1", "a container's own view",
        "a path that leads out", "both versions", "1.5 at the root",
        "a quota that cannot be read, and one around", "a quota that cannot be read",
        "cgroups that cannot be read", "none",
    ],
)  # fmt: skip
def test_three_cpus_of_64_and_a_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: Mapping[str, str], cpus: int
) -> None:
    """A part of a CPU counts as one; the lowest of all limits holds."""
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 17, 63}, raising=False)
    assert usable_cpus(system(tmp_path, files)) == cpus


@pytest.mark.parametrize(
    ("files", "memory"),
    [
        ({}, None),
        ({"proc/meminfo": "MemTotal: lots\n"}, None),
        ({"proc/meminfo": MEMINFO}, (8 * GIB, 16 * GIB)),
        (
            V2 | {"proc/meminfo": MEMINFO, "sys/fs/cgroup/a/memory.max": f"{4 * GIB}"}
            | {"sys/fs/cgroup/a/memory.current": f"{GIB}"},
            (3 * GIB, 4 * GIB),
        ),
        (V2 | {"proc/meminfo": MEMINFO, "sys/fs/cgroup/a/memory.max": "max"}, (8 * GIB, 16 * GIB)),
        (
            V1 | {"proc/meminfo": MEMINFO, "sys/fs/cgroup/memory/m/memory.limit_in_bytes": f"{2 * GIB}"}
            | {"sys/fs/cgroup/memory/m/memory.usage_in_bytes": f"{3 * GIB}"},
            (0, 2 * GIB),
        ),
        (
            V2 | {"proc/meminfo": MEMINFO, "sys/fs/cgroup/a/b/memory.max": f"{2 * GIB}"}
            | {"sys/fs/cgroup/a/memory.max": f"{4 * GIB}", "sys/fs/cgroup/a/memory.current": f"{3 * GIB}"},
            (GIB, 2 * GIB),
        ),
        (
            V2 | {"proc/meminfo": MEMINFO, "sys/fs/cgroup/a/memory.max": f"{4 * GIB}"}
            | {"sys/fs/cgroup/a/memory.current": f"{4 * GIB}"}
            | {"sys/fs/cgroup/a/memory.stat": f"anon 1\nactive_file {GIB}\ninactive_file {2 * GIB}\n"},
            (3 * GIB, 4 * GIB),
        ),
        (
            V1 | {"proc/meminfo": MEMINFO, "sys/fs/cgroup/memory/m/memory.limit_in_bytes": f"{4 * GIB}"}
            | {"sys/fs/cgroup/memory/m/memory.usage_in_bytes": f"{4 * GIB}"}
            | {"sys/fs/cgroup/memory/m/memory.stat": f"inactive_file 1\ntotal_inactive_file {GIB}\n"},
            (GIB, 4 * GIB),
        ),
        (V2 | {"proc/meminfo": MEMINFO, "sys/fs/cgroup/a/memory.max": "9" * 5000}, (8 * GIB, 16 * GIB)),
        ({"proc/meminfo": MEMINFO + "\nOdd\nWords: many\n"}, (8 * GIB, 16 * GIB)),
    ],
    ids=[
        "unknown",
        "nonsense",
        "no limit",
        "a limit around",
        "max",
        "version 1",
        "neighbours use the limit around",
        "files that are kept for want of better",
        "files in version 1",
        "5000 digits",
        "odd lines",
    ],
)  # fmt: skip
def test_a_limit_lowers_the_memory(
    tmp_path: Path, files: Mapping[str, str], memory: tuple[int, int] | None
) -> None:
    assert memory_bytes(system(tmp_path, files)) == memory


def test_a_cgroup_may_have_any_name(tmp_path: Path) -> None:
    root = system(tmp_path, {"proc/meminfo": MEMINFO})
    (root / "proc" / "self").mkdir()
    (root / "proc" / "self" / "cgroup").write_bytes(b"0::/\xff\x01:/x\n")
    folder = root / "sys" / "fs" / "cgroup" / os.fsdecode(b"\xff\x01:") / "x"
    folder.mkdir(parents=True)
    (folder / "cpu.max").write_text("200000 100000")
    assert usable_cpus(root) == 2
    assert memory_bytes(root) == (8 * GIB, 16 * GIB)


def test_a_process_holds_what_the_kernel_says(tmp_path: Path) -> None:
    status = "Name:\tpython\nVmHWM:\t  900 kB\nVmRSS:\t  800 kB\n"
    root = system(tmp_path, {"proc/7/status": status, "proc/8/status": "Name:\tzombie\n"})
    assert resident_bytes(7, root) == 800 * 1024
    assert resident_bytes(8, root) is None
    assert resident_bytes(9, root) is None


def test_the_processor_has_a_name(tmp_path: Path) -> None:
    root = system(tmp_path, {"proc/cpuinfo": "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n"})
    assert processor(root) == "Some CPU @ 2 GHz"
    assert isinstance(processor(tmp_path / "none"), str)
