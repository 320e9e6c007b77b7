"""`agx cache show` and `clear`: what is kept of computed prompts, and that it can go."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from agx.util.blob_cache import BlobCache
from tests.cli.conftest import Agx


@pytest.fixture
def cache(tmp_path: Path) -> BlobCache:
    kept = BlobCache(tmp_path / "home" / "cache", limit_bytes=10**6)
    for model, tokens in (("one", 128), ("one", 256), ("two", 512)):
        assert kept.put({"model": model, "num_tokens": tokens}, b"x" * tokens)
    return kept


def test_show_lists_what_is_kept(agx: Agx, cache: BlobCache) -> None:
    data = json.loads(agx("cache", "show").out)
    assert data["folder"] == str(cache.folder)
    assert data["limit_bytes"] == 500_000_000
    assert sorted((row["model"], row["num_tokens"]) for row in data["prompts"]) == [
        ("one", 128),
        ("one", 256),
        ("two", 512),
    ]
    assert data["size_bytes"] == sum(path.stat().st_size for path in cache.folder.iterdir())


def test_a_terminal_gets_a_table(agx: Agx, cache: BlobCache, monkeypatch: pytest.MonkeyPatch) -> None:
    del cache
    monkeypatch.setattr("agx.cli.commands.cache.is_terminal", lambda stream: stream is sys.stdout)
    out = agx("cache", "show").out
    assert "3 computed prompts in" in out
    assert "at most: 500.0 MB" in out
    assert "two" in out


def test_an_empty_cache_is_no_error(agx: Agx) -> None:
    assert json.loads(agx("cache", "show").out)["prompts"] == []
    assert agx("cache", "clear").out == "removed 0 computed prompts, 0.0 MB\n"


def test_clear_removes_everything_and_says_how_much(agx: Agx, cache: BlobCache) -> None:
    size = sum(path.stat().st_size for path in cache.folder.iterdir())
    assert json.loads(agx("cache", "clear", "--json").out) == {"removed": 3, "freed_bytes": size}
    assert list(cache.blobs()) == []


def test_clear_can_be_held_to_a_model(agx: Agx, cache: BlobCache) -> None:
    assert agx("cache", "clear", "one").out.startswith("removed 2 computed prompts")
    assert [blob.facts["model"] for blob in cache.blobs()] == ["two"]
    done = agx("cache", "clear", "one")
    assert (done.code, done.out) == (2, "")
    assert "nothing is kept of a model 'one'" in done.err
    assert "there is something of two" in done.err


def test_a_damaged_file_is_shown_and_can_be_cleared(agx: Agx, cache: BlobCache) -> None:
    blob = next(iter(cache.blobs()))
    blob.path.write_bytes(b"no header")
    rows = json.loads(agx("cache", "show").out)["prompts"]
    assert "(damaged)" in {row["model"] for row in rows}
    assert json.loads(agx("cache", "clear", "--json").out)["removed"] == 3
