"""What stands around a command: one fence, prompt or pair of backticks is taken off, more is refused."""

from __future__ import annotations

import pytest

from agx.shell.parse import read_shell
from agx.shell.refusals import NotAPlan

WRAPPED = {
    "```bash\nls -l\n```": "the fence around the command is left out",
    "```\r\nls -l\r\n```\r\n": "the fence around the command is left out",
    "```ls -l```": "the fence around the command is left out",
    "$ ls -l": "the prompt before the command is left out",
    "% ls -l\n": "the prompt before the command is left out",
    "ann@box:~/src$ ls -l": "the prompt before the command is left out",
    "$ ls \\\n  -l": "the prompt before the command is left out",
    "`ls -l`": "the backticks around the command are left out",
}
REFUSED = {
    "```\nls\n```\nand\n```\npwd\n```": ("several commands", "more than one fenced block"),
    "Run this:\n```\nls\n```": ("text around", "text around the fenced command"),
    "```\nls": ("text around", "the fence is never closed"),
    "$ ls\n$ pwd": ("several commands", "more than one command behind a prompt"),
    "$ ls\na.txt b.txt": ("text around", "what a terminal showed: a.txt b.txt"),
}


@pytest.mark.parametrize(("text", "message"), WRAPPED.items(), ids=map(repr, WRAPPED))
def test_what_stands_around_a_command_is_left_out_and_said(text: str, message: str) -> None:
    plan, findings = read_shell(text)
    assert [task.written() for task in plan.tasks] == [{"command": "ls", "args": ["-l"]}]
    assert [(finding.severity, finding.rule, finding.message) for finding in findings] == [
        ("advice", "wrapping", message)
    ]


@pytest.mark.parametrize(("text", "expected"), REFUSED.items(), ids=map(repr, REFUSED))
def test_more_than_a_command_is_refused_for_what_it_is(text: str, expected: tuple[str, str]) -> None:
    with pytest.raises(NotAPlan, match=expected[1]) as caught:
        read_shell(text)
    assert caught.value.reason == expected[0]


@pytest.mark.parametrize("text", ["echo '```'", "echo '$ ls'", "awk '{print $1}' a", "echo `ls` `pwd`"])
def test_what_only_looks_so_stays(text: str) -> None:
    assert read_shell(text).findings == () or "left out" not in read_shell(text).findings[0].message
