"""Streams that end, fill up or are closed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agx.cli.show.output import check_target, save
from agx.errors import StorageError

CONFIG = f"{sys.executable} -m agx config show --json"


def shell(command: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command."""
    return subprocess.run(["bash", "-c", command], capture_output=True, check=False, text=True)


def test_a_reader_that_leaves_is_no_error() -> None:
    """`agx … | true` ends quietly, with exit code 0."""
    done = shell(f"{CONFIG} | true; echo ${{PIPESTATUS[0]}}")
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.parametrize("arguments", ["--help", "--version", "plan --help", "config show", "plan list"])
def test_a_reader_that_has_gone_before_is_no_error(arguments: str) -> None:
    """What click prints itself ends as quietly as what a command prints."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "agx", *arguments.split()]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_is_an_error() -> None:
    """A result that cannot be written is exit code 1 and a sentence."""
    done = shell(f"{CONFIG} > /dev/full")
    assert done.returncode == 1
    assert "standard output cannot be written: No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_closed_streams_do_not_crash() -> None:
    """Without stdout there is an error; without stderr nothing is said, and the exit code stays."""
    done = shell(f"{CONFIG} >&-")
    assert done.returncode == 1
    assert "standard output is closed" in done.stderr
    assert shell(f"{sys.executable} -m agx plan 2>&-").returncode == 2


def test_a_latin_terminal_gets_what_it_can_show() -> None:
    """JSON is UTF-8 in every locale; errors are escaped where the locale lacks a character."""
    done = shell(f"PYTHONIOENCODING=ascii {sys.executable} -m agx plan 漢字 x")
    assert done.returncode == 2
    assert "\\u6f22" in done.stderr


def test_a_pipe_or_device_is_written_as_it_is(tmp_path: Path) -> None:
    """-o may name what is no file: it is not replaced by one."""
    check_target(Path(os.devnull))
    save("x", Path(os.devnull))
    assert not Path(os.devnull).is_file()
    with pytest.raises(StorageError, match="does not exist"):
        check_target(tmp_path / "no" / "file")


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    """The half-written file beside it is taken away."""
    target = tmp_path / ("n" * 250)
    with pytest.raises(StorageError, match="cannot be written"):
        save("x", target / "below")
    assert list(tmp_path.iterdir()) == []
