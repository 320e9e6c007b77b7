"""The lines of an input file: read one by one, within limits, and understood as instructions.

Every line has one row in the output, so a line that is no instruction is not left out: it becomes a
`Line` with the error in place of the instruction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, BinaryIO, Literal, NoReturn

from agx.errors import UsageError

MAX_LINE_BYTES = 1 << 20
DIGEST_BYTES = 8

Form = Literal["json", "text"]
_FORMS: dict[str, Form] = {".jsonl": "json", ".ndjson": "json", ".json": "json", ".txt": "text"}
_BOM = b"\xef\xbb\xbf"
# What cases of `agx eval` call an instruction, too.
_INSTRUCTION_KEYS = ("instruction", "nl")
_OBJECT_HINT = 'write an object with an "instruction", or a string, on each line'


@dataclass(frozen=True, slots=True)
class RawLine:
    """One line as it was read, from 1: its bytes without the line's end, None where they are too many.

    `digest` is the first 8 bytes of the SHA-256 of the line, as a number.
    """

    number: int
    data: bytes | None
    digest: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the input: an instruction, with what else stood beside it, or why it is none."""

    number: int
    digest: int
    instruction: str = ""
    id: object = None
    others: Mapping[str, Any] = field(default_factory=dict)
    error: UsageError | None = None


def raw_lines(file: BinaryIO) -> Iterator[RawLine]:
    """Yield the lines of a file as they come; of one that is too long only the beginning is ever held."""
    number = 0
    while first := file.readline(MAX_LINE_BYTES + 2):
        number += 1
        text: bytes | None = _without_end(first)
        hashed = hashlib.sha256(_without_end(first))
        if len(_without_end(first)) > MAX_LINE_BYTES:
            text = None
            part = first
            while part and not part.endswith(b"\n"):
                part = file.readline(MAX_LINE_BYTES)
                hashed.update(_without_end(part))
        yield RawLine(number, text, int.from_bytes(hashed.digest()[:DIGEST_BYTES], "big"))


def form_of_file(name: str) -> Form | None:
    """Return whether the lines of a file of this name are JSON or plain text; None where it does not say."""
    return _FORMS.get(PurePath(name).suffix.lower())


def guessed_form(raw: RawLine) -> Form | None:
    """Return the form that a line looks like; None for an empty one and for one that is too long."""
    first = (raw.data or b"").removeprefix(_BOM).lstrip()[:1]
    return None if not first else "json" if first in b'{"' else "text"


def read_line(raw: RawLine, form: Form | None) -> Line:
    """Return the instruction of a line, or the line with the error that says why it is none.

    `form` None is for lines that have none: empty ones and those that are too long.
    """
    try:
        text = _decoded(raw)
        if form == "text":
            return Line(raw.number, raw.digest, text)
        return _of_json(raw, _parsed(text, raw.number))
    except UsageError as error:
        return Line(raw.number, raw.digest, error=error)


def _without_end(data: bytes) -> bytes:
    return data.removesuffix(b"\n").removesuffix(b"\r")


def _decoded(raw: RawLine) -> str:
    if raw.data is None:
        raise UsageError(
            f"line {raw.number} is longer than {MAX_LINE_BYTES >> 20} MiB", hint="give a shorter instruction"
        )
    data = raw.data.removeprefix(_BOM) if raw.number == 1 else raw.data
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise UsageError(f"line {raw.number} is not UTF-8 text", hint="save the file as UTF-8") from None
    if not text.strip():
        raise UsageError(f"line {raw.number} is empty", hint="leave empty lines out")
    return text


def _parsed(text: str, number: int) -> object:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise UsageError(f"line {number} is not JSON: {reason}", hint=_OBJECT_HINT) from None


def _of_json(raw: RawLine, data: object) -> Line:
    if isinstance(data, str):
        data = {"instruction": data}
    if not isinstance(data, dict):
        raise UsageError(f"line {raw.number} is neither an object nor a string", hint=_OBJECT_HINT)
    key = next((key for key in _INSTRUCTION_KEYS if key in data), None)
    if key is None:
        raise UsageError(f"line {raw.number} has no instruction", hint=_OBJECT_HINT)
    others = {name: value for name, value in data.items() if name not in {key, "id"}}
    line = Line(raw.number, raw.digest, id=data.get("id"), others=others)
    if isinstance(data[key], str):
        return replace(line, instruction=data[key])
    reason = f"the {key} of line {raw.number} is not a text but {type(data[key]).__name__}"
    return replace(line, error=UsageError(reason, hint=_OBJECT_HINT))


def _refuse(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise ValueError(message)
