"""What pages and models put around a command: a Markdown fence, a prompt, backticks.

One of them is taken off, and a sentence says so. Where there is more than one command, or text around it,
nobody knows what is meant: that is refused by name.
"""

from __future__ import annotations

import re

from agx.shell.refusals import NotAPlan, excerpt

_FENCE_LINE = re.compile(r"^[ \t]*```", re.MULTILINE)
_FENCED = re.compile(r"\s*```(?:[^\n`]*\n(?P<block>.*?)|(?P<line>[^\n`]+))```[ \t]*\s*", re.DOTALL)
_QUOTED = re.compile(r"\s*`([^`]+)`\s*")
_PROMPT = re.compile(r"[ \t]*(?:[\w.-]+@[\w.-]+(?::\S*)?[ \t]*)?[$%\u276f\u279c] +")


def unwrapped(text: str) -> tuple[str, list[str]]:
    """Return a shell text without what stands around the command, and a sentence for each such thing.

    Raises `NotAPlan` for two fences, for text around a fence, and for a session with several prompts or
    with output.
    """
    said: list[str] = []
    if "```" in text:
        text = _without_fence(text, said)
    if quoted := _QUOTED.fullmatch(text):
        said.append("the backticks around the command are left out")
        text = quoted[1]
    if prompt := _PROMPT.match(text.strip("\r\n")):
        said.append("the prompt before the command is left out")
        text = _only_command(text.strip("\r\n")[prompt.end() :])
    return text, said


def _without_fence(text: str, said: list[str]) -> str:
    num_fences = len(_FENCE_LINE.findall(text))
    fenced = _FENCED.fullmatch(text)
    if fenced is not None and num_fences <= 2:
        said.append("the fence around the command is left out")
        return str(fenced["line"] if fenced["block"] is None else fenced["block"])
    if num_fences > 2:
        raise NotAPlan("several commands", "there is more than one fenced block of text")
    if num_fences:
        message = (
            "there is text around the fenced command" if num_fences == 2 else "the fence is never closed"
        )
        raise NotAPlan("text around", message)
    return text


def _only_command(command: str) -> str:
    """Return the text behind a prompt as it is; lines that go on behind a backslash belong to it."""
    lines = [line for line in re.sub(r"\\\r?\n", "", command).splitlines()[1:] if line.strip()]
    if any(map(_PROMPT.match, lines)):
        raise NotAPlan("several commands", "there is more than one command behind a prompt")
    if lines:
        message = f"behind the command stands what a terminal showed: {excerpt(lines[0])}"
        raise NotAPlan("text around", message)
    return command
