"""Special files: where nothing is lost, and what empties another file."""

from __future__ import annotations

import pytest

from agx.unix.special_files import SINKS, is_empty, is_harmless


@pytest.mark.parametrize("path", [*sorted(SINKS), "-", "/dev/stdin", "/dev/fd/3", "/proc/self/fd/12"])
def test_nothing_is_lost_in_a_sink_or_a_descriptor(path: str) -> None:
    assert is_harmless(path)


@pytest.mark.parametrize("path", ["", "null", "/dev/nul", "/dev/sda", "/dev/fd/x", "/dev/null/a"])
def test_any_other_file_may_lose_what_it_holds(path: str) -> None:
    assert not is_harmless(path)


def test_a_descriptor_is_no_sink_since_it_may_be_any_file() -> None:
    assert not any("fd" in path for path in SINKS)


def test_what_copies_to_nothing() -> None:
    assert is_empty("/dev/null")
    assert is_empty("/dev/../dev/null")
    assert not is_empty("null")
