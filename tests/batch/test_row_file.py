"""The output file: locked, resumed after any cut, never mistaken for another file, never destroyed."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from agx.batch.lines import Line, RawLine
from agx.batch.row_file import opened_rows
from agx.batch.rows import read_head, row_bytes
from agx.errors import StorageError, UsageError

OPTIONS, OTHERS = "0" * 16, "f" * 16


def row(number: int, *, is_error: bool = False, options: str = OPTIONS) -> bytes:
    """Return a row; one that is not of an error is enough of one for the file."""
    data = row_bytes(Line(number, number * 7, f"do {number}"), UsageError("no"), options=options)
    return data if is_error else data.replace(b'"ok":false', b'"ok":true')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def numbers(path: Path) -> list[int]:
    heads = [read_head(line) for line in path.read_bytes().splitlines()]
    assert None not in heads
    return [head.line for head in heads if head is not None]


def test_rows_are_there_as_soon_as_they_are_added(path: Path) -> None:
    with opened_rows(path, options=OPTIONS) as rows:
        assert len(rows.done) == 0
        rows.add(row(2))
        assert path.read_bytes() == row(2)
        rows.add(row(1, is_error=True))
    with opened_rows(path, options=OPTIONS) as rows:
        assert (rows.done.num_planned, rows.done.num_failed, rows.done.last_line) == (1, 1, 2)
        assert (1 in rows.done, 2 in rows.done, 3 in rows.done, 0 in rows.done) == (True, True, False, False)
        assert rows.notes == ()


def test_wherever_a_kill_cuts_the_last_row_the_next_run_goes_on(path: Path) -> None:
    whole, last = row(1) + row(2), row(3)
    for length in {*range(1, len(last), 9), len(last) - 1}:
        path.write_bytes(whole + last[:length])
        with opened_rows(path, options=OPTIONS) as rows:
            assert len(rows.done) == 2
            assert len(rows.notes) == 1
            rows.add(last)
        assert path.read_bytes() == whole + last


@pytest.mark.parametrize("tail", [b"\0" * 100, row(2)[:30] + b"\0" * 100], ids=["zeros", "row and zeros"])
def test_what_a_power_cut_leaves_is_cut_off(path: Path, tail: bytes) -> None:
    path.write_bytes(row(1) + tail)
    with opened_rows(path, options=OPTIONS) as rows:
        assert len(rows.done) == 1
    assert path.read_bytes() == row(1)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"my notes\n", id="text"),
        pytest.param(b"my notes", id="text without an end"),
        pytest.param(b'{"instruction": "sort a.txt"}\n', id="an input"),
        pytest.param(row(1) + b"\n", id="an empty line"),
        pytest.param(row(1) + row(2)[:20] + b"\n" + row(3), id="damage in the middle"),
        pytest.param(row(1) + row(1), id="a line twice"),
        pytest.param(row(1) + row(2, options=OTHERS), id="options of two kinds"),
    ],
)
def test_what_is_no_output_is_left_alone(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(UsageError) as caught, opened_rows(path, options=OPTIONS):
        pass
    assert "--restart" in caught.value.hint
    assert path.read_bytes() == data


def test_rows_of_other_options_are_refused(path: Path) -> None:
    path.write_bytes(row(1))
    with pytest.raises(UsageError, match="other options"), opened_rows(path, options=OTHERS):
        pass
    assert path.read_bytes() == row(1)


def test_a_restart_keeps_what_was_there_under_another_name(path: Path) -> None:
    for number in (1, 2):
        path.write_bytes(row(number))
        with opened_rows(path, options=OTHERS, is_restart=True) as rows:
            assert len(rows.done) == 0
            assert rows.notes == (f"the rows that were there are kept in out.jsonl.{number}",)
        assert path.with_name(f"out.jsonl.{number}").read_bytes() == row(number)
        assert path.read_bytes() == b""


def test_a_restart_without_anything_there_is_a_start(path: Path) -> None:
    with opened_rows(path, options=OPTIONS, is_restart=True) as rows:
        assert rows.notes == ()


def test_errors_are_tried_again_and_the_other_rows_stay(path: Path) -> None:
    path.write_bytes(row(1) + row(2, is_error=True) + row(3) + row(4, is_error=True)[:50])
    path.chmod(0o640)
    with opened_rows(path, options=OPTIONS, is_retry=True) as rows:
        assert (len(rows.done), rows.done.num_failed) == (2, 0)
        assert 2 not in rows.done
        rows.add(row(2))
    assert path.read_bytes() == row(1) + row(3) + row(2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [each.name for each in path.parent.iterdir() if "part" in each.name] == []


def test_of_two_runs_on_one_output_the_second_is_refused(path: Path) -> None:
    with opened_rows(path, options=OPTIONS) as rows:
        rows.add(row(1))
        with pytest.raises(StorageError, match="another `agx batch` writes to"):
            opened_rows(path, options=OPTIONS).__enter__()
        with pytest.raises(StorageError, match="another"):
            opened_rows(path, options=OPTIONS, is_restart=True).__enter__()
    assert path.read_bytes() == row(1)


def test_a_link_stays_and_its_file_is_written(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    with opened_rows(link, options=OPTIONS) as rows:
        rows.add(row(1))
        with pytest.raises(StorageError):
            opened_rows(path, options=OPTIONS).__enter__()
    assert link.is_symlink()
    assert path.read_bytes() == row(1)


def test_a_pipe_gets_the_rows(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    with opened_rows(pipe, options=OPTIONS) as rows:
        rows.add(row(1))
    reader.join()
    assert read == [row(1)]
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_full_disk_is_an_error_with_words() -> None:
    with (
        opened_rows(Path("/dev/full"), options=OPTIONS) as rows,
        pytest.raises(StorageError, match="No space left"),
    ):
        rows.add(row(1))


def test_an_error_of_the_body_passes_through(path: Path) -> None:
    with pytest.raises(OSError, match="of the body"), opened_rows(path, options=OPTIONS):
        raise OSError("of the body")


def test_a_hundred_thousand_rows_are_read_without_their_plans(path: Path) -> None:
    """Nine bytes a row stay; a test of time would fail on a busy machine, so the memory stands for both."""
    with path.open("wb") as file:
        for number in range(1, 100_001):
            file.write(row(number))
    with opened_rows(path, options=OPTIONS) as rows:
        assert len(rows.done) == 100_000
        rows.done.check_line(RawLine(100_000, b"", 700_000))
        with pytest.raises(UsageError, match="line 99999 is not what it was"):
            rows.done.check_line(RawLine(99_999, b"", 1))
