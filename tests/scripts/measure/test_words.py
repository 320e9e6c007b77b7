"""Commands get the words that bash gives them: a part of the lines of `scripts/measure-words`."""

from __future__ import annotations

import random
import shutil
import sys

import pytest

from scripts.measure.words import compared, random_line, report

pytestmark = [
    pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash"),
    pytest.mark.skipif(sys.platform != "linux", reason="compares with the bash of Linux"),
]


def test_random_lines_are_read_as_bash_reads_them_or_refused() -> None:
    rng = random.Random(12)
    found = compared([random_line(rng) for _ in range(3000)])
    assert not found.differ, report(found)
    assert found.num_equal > 900
    assert found.num_said < 20


def test_a_line_that_is_read_otherwise_would_be_seen() -> None:
    """Bash splits what an unquoted substitution gives in the middle of a word; a finding says so."""
    found = compared(["p a$(p b c)", "p 'a b' > o", "p x*"])
    assert (found.num_equal, found.num_said, len(found.differ)) == (2, 1, 0)
