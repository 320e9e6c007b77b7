"""Where output goes: the result alone on stdout or in a file, everything else on stderr."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from agx.errors import AgxError, PlanInvalid, StorageError
from agx.util.files import replace_file
from agx.util.texts import shortened, visible, visible_json, visible_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agx.app.places import Recorded
    from agx.plan.changes import TaskChange
    from agx.plan.schema import Finding

MAX_LINE_CHARS = 2000


class ReaderGone(Exception):
    """The reader of standard output has closed it, so no result can reach anyone."""


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether this stream is a terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # it has been closed
        return False


def is_reader_gone() -> bool:
    """Return whether standard output is a pipe that nobody reads any more."""
    import select  # noqa: PLC0415  only a failure needs it

    if sys.stdout is None or not hasattr(select, "poll"):  # Windows has none
        return False
    poll = select.poll()
    poll.register(sys.stdout, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def may_colour(stream: TextIO | None) -> bool:
    """Return whether colour may be used: on a terminal that can show it, without NO_COLOR.

    Source: https://no-color.org
    """
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write_result(text: str) -> None:
    """Write the result to stdout as UTF-8; raises `ReaderGone` or `StorageError`."""
    stdout = sys.stdout
    if stdout is None:
        raise StorageError("standard output is closed", hint="give -o FILE, or leave stdout open")
    if not text.endswith("\n"):
        text += "\n"
    try:
        if is_terminal(stdout):
            stdout.write(visible_on(stdout, text))
        else:
            stdout.flush()
            stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        stdout.flush()
    except BrokenPipeError:
        raise ReaderGone from None
    except OSError as error:
        raise StorageError(
            f"standard output cannot be written: {error.strerror}", hint="free some space, or give -o FILE"
        ) from error


def shown_json(data: object) -> str:
    """Return data as indented JSON that a terminal can show."""
    return visible_json(json.dumps(data, indent=2, ensure_ascii=False))


def visible_on(stream: TextIO, text: str) -> str:
    """Return the text as this terminal can show it."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def check_target(path: Path) -> None:
    """Raise `StorageError` where `save` could not work, before time is spent on a plan."""
    folder = path.parent
    if path.is_dir():
        raise StorageError(f"{path} is a folder", hint="give -o the name of a file")
    if not folder.is_dir():
        raise StorageError(f"the folder {folder} does not exist", hint="make it first, or give another file")
    target = path if path.exists() and not path.is_file() else folder
    if not os.access(target, os.W_OK):
        raise StorageError(f"{target} cannot be written", hint="give -o a file in a folder that is yours")


def save(text: str, path: Path) -> None:
    """Write a file whole or not at all; raises `StorageError`.

    The text goes to a temporary file beside it, which is then renamed. A pipe or a device is written
    to directly. A link stays, and the file it points to is replaced.
    """
    data = (text if not text or text.endswith("\n") else text + "\n").encode("utf-8", "backslashreplace")
    try:
        path = path.resolve()
        if path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o666
            replace_file(path, data, mode=mode)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}", hint="give -o a file in a folder that is yours"
        ) from error


class Notes:
    """Notes on stderr: lines for people or, with --json, one JSON object a line."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json

    def warning(self, message: str) -> None:
        """Write a warning: AGX goes on."""
        self._say("warning", message, {"warning": {"message": message}})

    def finding(self, finding: Mapping[str, object]) -> None:
        """Write a finding, which comes in its JSON form."""
        task = finding.get("task")
        place = f"task {task}: " if task else ""
        hint = f" ({finding['hint']})" if finding.get("hint") else ""
        severity = str(finding.get("severity", "warning"))
        self._say(severity, f"{place}{finding.get('message', '')}{hint}", {"finding": dict(finding)})

    def findings(self, findings: Iterable[Finding]) -> None:
        """Write what the rules found."""
        for finding in findings:
            self.finding(finding.model_dump(exclude_none=True))

    def changes(self, changes: Sequence[TaskChange]) -> None:
        """Write each change that Delta made, and a line that counts them."""
        from agx.plan.changes import change_counts, change_summary  # noqa: PLC0415  with a plan only
        from agx.session.wording import change_sentence  # noqa: PLC0415

        for change in changes:
            self._say("delta", change_sentence(change), {"change": change.as_dict()})
        summary = change_summary(changes)
        self._say("delta", summary, {"summary": {"text": summary, **change_counts(changes)}})

    def recorded(self, recorded: Recorded) -> Path | None:
        """Write a warning where a plan could not be recorded; returns its file."""
        if recorded.problem:
            self.warning(recorded.problem)
        return recorded.path

    def done(self, sentence: str) -> None:
        """Write what was done, where the result itself does not show it."""
        self._say("done", sentence, {"done": sentence})

    def tally(self, label: str, sentence: str, numbers: Mapping[str, object]) -> None:
        """Write how far many plans are: while they are made, or at their end."""
        self._say(label, sentence, {label: dict(numbers)})

    def error(self, error: AgxError) -> None:
        """Write the error that ended the command, with its hint."""
        if not self._as_json and isinstance(error, PlanInvalid):
            for finding in _beside(error):
                self.finding(finding)
        self._say("error", error.message, {"error": error.as_dict()})
        if error.hint and not self._as_json:
            self._say("hint", error.hint, {})

    def _say(self, label: str, message: str, data: Mapping[str, object]) -> None:
        if self._as_json:
            tell(json.dumps(data, default=str))
        else:
            tell(f"{label}: {shortened(visible(message), MAX_LINE_CHARS)}")


def _beside(error: PlanInvalid) -> list[Mapping[str, Any]]:
    """Return the findings to show besides the error, whose sentence may say the first one itself."""
    first = next((found for found in error.findings if found.get("severity") == "error"), None)
    is_said = first is not None and str(first.get("message")) in error.message
    return [found for found in error.findings if not (is_said and found is first)]


def tell(text: str) -> None:
    """Write a line, or lines, to stderr."""
    if sys.stderr is None:
        return
    # Where stderr is closed or full there is nowhere left to say so.
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(visible_on(sys.stderr, visible_lines(text)) + "\n")
        sys.stderr.flush()
