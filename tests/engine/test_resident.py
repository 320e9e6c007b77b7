"""Pages that are given back are no longer resident, and have the same content when they are read again."""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agx.engine.resident import give_back

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what is resident")
CONTENT = os.urandom(1 << 20)


@contextmanager
def mapped(path: Path) -> Iterator[mmap.mmap]:
    """Map a file with our content, and read all of it."""
    path.write_bytes(CONTENT)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        assert pages[:] == CONTENT
        yield pages


def resident_kibibytes(path: Path) -> int:
    """Return what this process has of a file in memory; see proc_pid_smaps(5)."""
    size, is_wanted = 0, False
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        first = line.split(maxsplit=1)[0]
        if not first.endswith(":"):
            is_wanted = line.endswith(str(path))
        elif is_wanted and first == "Rss:":
            size += int(line.split()[1])
    return size


def test_pages_are_given_back_and_come_back(tmp_path: Path) -> None:
    given, other = tmp_path / "a model.gguf", tmp_path / "other.gguf"
    with mapped(given) as pages, mapped(other):
        assert resident_kibibytes(given) == resident_kibibytes(other) == len(CONTENT) // 1024
        give_back([given])
        assert resident_kibibytes(given) == 0
        assert resident_kibibytes(other) == len(CONTENT) // 1024
        assert pages[:] == CONTENT


@pytest.mark.parametrize("names", [[], ["absent.gguf"], ["not mapped.gguf"]], ids=repr)
def test_nothing_happens_without_a_mapped_file(tmp_path: Path, names: list[str]) -> None:
    (tmp_path / "not mapped.gguf").write_bytes(CONTENT)
    give_back([tmp_path / name for name in names])
