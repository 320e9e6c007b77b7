"""A half-fetched file: what is written down of it, and what it refuses to be."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from agx.errors import StorageError
from agx.models.fetch.part import Version, opened_part, part_of, read_state, state_of

VERSION = Version("hf:o/r/a.gguf", "tag", 100)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models" / "a.gguf"


def fetched(target: Path, version: Version = VERSION) -> None:
    with opened_part(target) as part:
        part.begin(version)
        part.write(0, b"a" * 30)
        part.write(50, b"b" * 10)
        part.save()


def test_what_was_written_down_is_there_again(target: Path) -> None:
    fetched(target)
    with opened_part(target) as part:
        assert part.begin(VERSION) == ""
        assert part.ranges.to_list() == [[0, 30], [50, 60]]
        assert part.read(50, 10) == b"b" * 10
        part.write(30, b"c" * 20)
        part.write(60, b"d" * 40)
        part.finish()
    assert target.read_bytes() == b"a" * 30 + b"c" * 20 + b"b" * 10 + b"d" * 40
    assert not part_of(target).exists()
    assert not state_of(target).exists()


@pytest.mark.parametrize(
    ("version", "why"),
    [
        (Version(VERSION.source, "new", 100), "changed on the server"),
        (Version(VERSION.source, "tag", 101), "changed on the server"),
        (Version("hf:o/r/b.gguf", "tag", 100), "somewhere else"),
        (Version(VERSION.source, "", 100), "does not say which version"),
    ],
    ids=["tag", "size", "source", "no tag"],
)
def test_another_version_starts_anew_and_says_why(target: Path, version: Version, why: str) -> None:
    fetched(target)
    with opened_part(target) as part:
        assert why in part.begin(version)
        assert part.ranges.num_bytes == 0


def test_what_cannot_be_taken_away_is_a_sentence(target: Path) -> None:
    state_of(target).mkdir(parents=True)
    with (
        pytest.raises(StorageError, match=r"a\.gguf\.part\.json cannot be removed"),
        opened_part(target) as part,
    ):
        part.begin(VERSION)


def test_bytes_that_are_not_in_the_file_do_not_count(target: Path) -> None:
    fetched(target)
    os.truncate(part_of(target), 20)
    with opened_part(target) as part:
        part.begin(VERSION)
        assert part.ranges.to_list() == [[0, 20]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"ranges": [[5, 1]]}',
        '{"source":"s","tag":"t","size_bytes":9,"ranges":[[5,1]]}',
        '{"source":"s","tag":"t","size_bytes":-9,"ranges":[]}',
        '{"source":"s","tag":"t","size_bytes":true,"ranges":[]}',
        '{"source":"s","tag":"t","size_bytes":9,"ranges":[[0,1,2]]}',
    ],
)
def test_a_state_that_cannot_be_read_is_none(target: Path, text: str) -> None:
    fetched(target)
    state_of(target).write_text(text)
    assert read_state(target) is None
    with opened_part(target) as part:
        part.begin(VERSION)
        assert part.ranges.num_bytes == 0


def test_two_processes_do_not_fetch_the_same_file(target: Path) -> None:
    with (
        opened_part(target),
        pytest.raises(StorageError, match="being fetched by another process"),
        opened_part(target),
    ):
        pytest.fail("was opened twice")


@pytest.mark.parametrize("kind", ["symlink", "hardlink", "folder", "fifo"])
def test_a_part_that_is_no_file_of_its_own_is_refused_and_left(target: Path, kind: str) -> None:
    """A link planted in the folder would lead the bytes elsewhere."""
    target.parent.mkdir()
    victim = target.parent.parent / "victim"
    victim.write_text("precious")
    part = part_of(target)
    if kind == "symlink":
        part.symlink_to(victim)
    elif kind == "hardlink":
        part.hardlink_to(victim)
    elif kind == "folder":
        part.mkdir()
    else:
        os.mkfifo(part)
    with pytest.raises(StorageError), opened_part(target):
        pytest.fail("was opened")
    assert victim.read_text() == "precious"
    assert os.path.lexists(part)


def test_a_download_without_a_byte_leaves_nothing(target: Path) -> None:
    with opened_part(target):
        assert part_of(target).exists()
    assert not part_of(target).exists()


def test_a_state_says_no_more_than_the_disk_has(target: Path) -> None:
    """What a file says is what was there when it was written, whatever came later."""
    with opened_part(target) as part:
        part.begin(VERSION)
        part.write(0, b"a" * 10)
        part.save()
        part.write(10, b"b" * 10)
        assert json.loads(state_of(target).read_text())["ranges"] == [[0, 10]]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"), opened_part(tmp_path / "file" / "a.gguf"):
        pytest.fail("was opened")
