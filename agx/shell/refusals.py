"""Why a shell text cannot be read as a plan: the error, its place in the text and what to do about it."""

from __future__ import annotations

from agx.errors import PlanInvalid
from agx.util.texts import shortened

_MAX_SHOWN = 60
_MAX_EXCERPT = 24
_HINTS = {
    "arithmetic": "work it out first, and write the number",
    "assignment": "set a variable for one command with `env NAME=value command`",
    "background": "leave the `&` out: a plan runs one task after the other",
    "braces": "write the words out",
    "control character": "write the text to a file, and let the command read that",
    "error output": "a plan keeps error output apart; drop it with `2>/dev/null`",
    "home folder": "write that folder's whole path; `~/` is your own",
    "here-document": "put the text into a file, and read it with `< FILE`",
    "limits": "make several plans of it, and put long texts into files",
    "parameter expansion": "plain variables have a form: `$NAME`",
    "process substitution": "save that output with `> FILE` first, and name the file here",
    "redirection": "`< FILE`, `> FILE` and `>> FILE` have a form, once for each command",
    "several commands": "make a plan of each of them",
    "shell keyword": "a plan has no loops, conditions or functions",
    "special parameter": "only variables of the environment have a form, such as `$HOME`",
    "text around": "give the command alone, without what stands around it",
    "unclosed quote": "close it, or write a backslash before it",
    "unseen character": "take it out, or put quotes around the name that it belongs to",
    "variable command": "write the command's own name",
}
_HINT = "write it as one pipeline of simple commands"


class NotAPlan(PlanInvalid):
    """A shell text that has no form as a plan; `reason` is a short name of why, for tables.

    `at` is the place in the text, in characters from 0, where that is one place.
    """

    def __init__(self, reason: str, message: str, *, at: int | None = None, text: str = "") -> None:
        super().__init__(message, hint=_HINTS.get(reason, _HINT), text=text, reason=reason, at=at)
        self.reason = reason
        self.at = at

    def located(self, text: str) -> NotAPlan:
        """Return the same error with its place in this text said, too."""
        if self.at is None:
            return NotAPlan(self.reason, self.message, text=text)
        return NotAPlan(self.reason, f"{self.message} ({_place(text, self.at)})", at=self.at, text=text)


def excerpt(text: str) -> str:
    """Return a text for a message: its first characters, where it is long."""
    return shortened(text, _MAX_SHOWN)


def _place(text: str, at: int) -> str:
    """Say where a place is, counted from 1, with the words that begin there."""
    before, line = text[:at], text[at:].partition("\n")[0]
    number, column = before.count("\n") + 1, at - before.rfind("\n")
    where = f"line {number}, character {column}" if "\n" in text.strip() else f"character {column}"
    if not line.strip():
        return f"{where}, at the end of the line"
    return f"{where}: {shortened(line, _MAX_EXCERPT)}"
