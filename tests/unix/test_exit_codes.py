"""Which exit codes are no failure, held against the real tools."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from agx.unix.exit_codes import accepted_exit_codes
from agx.unix.registry import unix_registry
from tests.plan.helpers import task


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ls", (0,)),
        ("grep x", (0, 1)),
        ("diff a b", (0, 1)),
        ("sudo grep x", (0, 1)),
        ("xargs grep x", (0, 123)),
        ("xargs rm", (0,)),
        ("sudo nice xargs -0 grep x", (0, 123)),
        ("find . -exec grep x {} +", (0, 1)),
        ("find . -exec grep x {} ;", (0,)),
        ("find . -exec rm {} +", (0,)),
        ("frobnicate", (0,)),
        ("xargs frobnicate", (0,)),
    ],
)
def test_codes_of_the_inner_command_come_through(words: str, expected: tuple[int, ...]) -> None:
    command, *args = words.split()
    assert accepted_exit_codes(task(command, *args), unix_registry()) == expected


@pytest.mark.parametrize(
    "words",
    ["grep nothing /dev/null", "diff /dev/null /etc/passwd", "test 1 = 2", "expr 0", "which no-such-tool",
     "xargs -a /etc/passwd grep nothing-like-this", "find /etc/passwd -exec grep nothing-like-this {} +"],
)  # fmt: skip
def test_the_real_tools_end_with_them(words: str) -> None:
    """Each of these does its work and has nothing to say."""
    command, *args = words.split()
    if shutil.which(command) is None:
        pytest.skip(f"{command} is not on this machine")
    run = subprocess.run(
        [command, *args], capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=30
    )
    assert run.returncode != 0
    assert run.returncode in accepted_exit_codes(task(command, *args), unix_registry())
