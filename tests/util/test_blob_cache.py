"""Computed bytes on disk: given back only as they were kept, bounded, and never in the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agx.util.blob_cache import BlobCache

FACTS = {"model": "m", "tokens": "t", "n": 3}
DATA = bytes(range(256)) * 8


@pytest.fixture
def cache(tmp_path: Path) -> BlobCache:
    return BlobCache(tmp_path / "cache", limit_bytes=10_000)


def test_what_was_kept_comes_back_for_the_same_facts_only(cache: BlobCache) -> None:
    assert cache.put(FACTS, DATA)
    assert FACTS in cache
    assert cache.get(FACTS) == DATA
    assert BlobCache(cache.folder, limit_bytes=0).get(dict(reversed(FACTS.items()))) == DATA
    for name in FACTS:
        other = FACTS | {name: "other"}
        assert other not in cache
        assert cache.get(other) is None


def test_nothing_is_there_before_anything_was_kept(cache: BlobCache) -> None:
    assert cache.get(FACTS) is None
    assert list(cache.blobs()) == []


@pytest.mark.parametrize("where", [0, 20, -1, None], ids=["version", "header", "data", "cut off"])
def test_what_is_damaged_is_removed_and_not_used(cache: BlobCache, where: int | None) -> None:
    cache.put(FACTS, DATA)
    [blob] = cache.blobs()
    raw = bytearray(blob.path.read_bytes())
    if where is None:
        del raw[-100:]
    else:
        raw[where] ^= 1
    blob.path.write_bytes(raw)
    assert cache.get(FACTS) is None
    assert not blob.path.exists()
    assert cache.put(FACTS, DATA)
    assert cache.get(FACTS) == DATA


def test_a_blob_under_the_name_of_another_is_not_used(cache: BlobCache) -> None:
    other = FACTS | {"n": 4}
    cache.put(FACTS, DATA)
    [blob] = cache.blobs()
    cache.put(other, b"other")
    [wrong] = [each for each in cache.blobs() if each.path != blob.path]
    blob.path.replace(wrong.path)
    assert cache.get(other) is None


def test_the_blobs_that_were_used_longest_ago_make_room(cache: BlobCache) -> None:
    for number in range(4):
        cache.put(FACTS | {"n": number}, DATA)
    for number, blob in enumerate(sorted(cache.blobs(), key=lambda each: each.facts["n"])):
        os.utime(blob.path, (1000 + number, 1000 + number))
    assert cache.get(FACTS | {"n": 0}) == DATA  # which is a use
    assert cache.put(FACTS | {"n": 9}, DATA)
    assert {blob.facts["n"] for blob in cache.blobs()} == {0, 2, 3, 9}
    assert sum(blob.size_bytes for blob in cache.blobs()) <= cache.limit_bytes


def test_what_is_larger_than_the_limit_is_not_kept(cache: BlobCache) -> None:
    cache.put(FACTS, DATA)
    assert not cache.put(FACTS | {"n": 4}, b"x" * 10_001)
    assert cache.get(FACTS) == DATA


def test_a_folder_that_cannot_be_made_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    cache = BlobCache(tmp_path / "taken", limit_bytes=10_000)
    assert not cache.put(FACTS, DATA)
    assert cache.get(FACTS) is None
    assert list(cache.blobs()) == []


def test_other_files_of_the_folder_are_left_alone(cache: BlobCache) -> None:
    cache.put(FACTS, DATA)
    (cache.folder / "notes.txt").write_text("mine")
    (cache.folder / "x.blob").write_text("mine")
    [blob] = cache.blobs()
    assert cache.remove(blob)
    assert not cache.remove(blob)
    assert sorted(path.name for path in cache.folder.iterdir()) == ["notes.txt", "x.blob"]


def test_what_is_kept_is_for_its_owner_alone(cache: BlobCache) -> None:
    cache.put(FACTS, DATA)
    [blob] = cache.blobs()
    assert cache.folder.stat().st_mode & 0o077 == 0
    assert blob.path.stat().st_mode & 0o077 == 0
