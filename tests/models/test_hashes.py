"""Hashes are computed once for a version of a file; a memory that is damaged costs only time."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from agx.models.hashes import HashMemory, compute_sha256, file_version

DIGEST = "ab" * 32


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" * 700_000)
    return path


def test_a_hash_is_that_of_the_whole_file(model: Path) -> None:
    assert compute_sha256(model) == hashlib.sha256(model.read_bytes()).hexdigest()


def test_a_hash_can_be_given_up_between_two_parts(model: Path) -> None:
    seen: list[int] = []

    def goes_on(done: int) -> bool:
        seen.append(done)
        return done < 1 << 20

    assert compute_sha256(model, goes_on=goes_on) is None
    assert seen == [0, 1 << 20]


def test_a_hash_is_remembered_until_the_file_changes(tmp_path: Path, model: Path) -> None:
    memory = HashMemory(tmp_path / "home" / "hashes.json")
    assert memory.get(model) is None
    memory.put(model, DIGEST, version=file_version(model))
    assert HashMemory(tmp_path / "home" / "hashes.json").get(model) == DIGEST
    os.utime(model, ns=(0, 1))
    assert memory.get(model) is None
    memory.put(model, DIGEST, version=file_version(model))
    model.write_bytes(b"GGUF")
    os.utime(model, ns=(0, 1))
    assert memory.get(model) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"x": 1}', "[" * 100_000, '{"x": [1, 2, "short"]}'])
def test_a_damaged_memory_is_an_empty_one(tmp_path: Path, model: Path, text: str) -> None:
    path = tmp_path / "hashes.json"
    path.write_text(text, encoding="utf-8")
    memory = HashMemory(path)
    assert memory.get(model) is None
    memory.put(model, DIGEST, version=file_version(model))
    assert memory.get(model) == DIGEST


def test_without_a_place_nothing_is_remembered_and_nothing_fails(tmp_path: Path, model: Path) -> None:
    (tmp_path / "file").write_text("")
    for memory in (HashMemory(None), HashMemory(tmp_path / "file" / "hashes.json")):
        memory.put(model, DIGEST, version=file_version(model))
        assert memory.get(model) is None


def test_the_memory_stays_small(tmp_path: Path, model: Path) -> None:
    memory = HashMemory(tmp_path / "hashes.json")
    memory.put(model, DIGEST, version=file_version(model))
    entries = ",".join(f'"/{number}": [1, 2, "{DIGEST}"]' for number in range(1000))
    (tmp_path / "hashes.json").write_text("{" + entries + "}", encoding="utf-8")
    memory.put(model, DIGEST, version=file_version(model))
    assert memory.get(model) == DIGEST
    assert len((tmp_path / "hashes.json").read_text(encoding="utf-8").splitlines()) <= 5 * 1000 + 2
