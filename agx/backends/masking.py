"""Names that the embedded planner cannot copy: it reads a plain word in the place of each, and writes that.

Its vocabulary is small, so a name with accents, another script, blanks or quotes comes out garbled or in two
parts. Such a name is masked by a word that it copies well. In what it writes, chunk by chunk, the name stands
again. Number words become digits, which it knows better.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from agx.plan.reading import note
from agx.plan.schema import Finding
from agx.requests import Chunk, GenerationRequest, Message
from agx.rules.language import unread_language
from agx.rules.literals import literals
from agx.rules.named_literal import NamedLiteral
from agx.rules.numbers import with_digits
from agx.unix.word_roles import has_wildcard
from agx.util.frozen import dataclass

_STAND_INS = "kappa sigma omega theta lambda epsilon omicron upsilon".split()
_EXTENSION = re.compile(r"(?<=.)\.[A-Za-z0-9]{1,8}$")


@dataclass(frozen=True, slots=True)
class Mask:
    """What a model reads in the place of an instruction, and the names behind its stand-ins, by them."""

    instruction: str
    masked: str
    names: tuple[tuple[str, str], ...] = ()

    @property
    def notes(self) -> tuple[Finding, ...]:
        """What there is to note of a plan that was written with it."""
        return tuple(note(f"{name!r} was copied from the instruction as it stands") for _, name in self.names)

    def request(self, request: GenerationRequest) -> GenerationRequest:
        """Return the request with stand-ins in its messages and its draft."""
        if self.masked == self.instruction:
            return request
        messages = tuple(self._message(message) for message in request.messages)
        draft = None if request.draft is None else self._without_names(request.draft, is_json=True)
        return replace(request, messages=messages, draft=draft)

    def _message(self, message: Message) -> Message:
        if message.role == "user" and message.content == self.instruction:
            return replace(message, content=self.masked)
        is_json = message.role == "assistant"
        return replace(message, content=self._without_names(message.content, is_json=is_json))

    def _without_names(self, text: str, *, is_json: bool) -> str:
        for stand_in, name in self.names:
            text = text.replace(_in_json(name) if is_json else name, stand_in)
        return text


class Unmasking:
    """Puts names back into a text that comes in chunks: a plan's JSON."""

    def __init__(self, names: Sequence[tuple[str, str]]) -> None:
        self._names = {stand_in: _in_json(name) for stand_in, name in names}
        self._held = ""

    def chunk(self, chunk: Chunk) -> Chunk:
        """Return a chunk with names in the place of stand-ins; the last one has what was held back."""
        if not self._names or chunk.is_reasoning:
            return chunk
        text = self.take(chunk.text)
        return replace(chunk, text=text if chunk.finish_reason is None else text + self.end())

    def take(self, text: str) -> str:
        """Return what is known of the text so far; the beginning of a stand-in is held back."""
        text = self._held + text
        for stand_in, name in self._names.items():
            text = text.replace(stand_in, name)
        num_held = max((_num_begun(text, stand_in) for stand_in in self._names), default=0)
        self._held = text[len(text) - num_held :]
        return text[: len(text) - num_held]

    def end(self) -> str:
        """Return what was held back."""
        held, self._held = self._held, ""
        return held


def mask_of(instruction: str) -> Mask:
    """Return the mask for an instruction; one without odd names has number words as digits at most.

    An instruction in a language that the model does not read stays as it is.
    """
    if unread_language(instruction) is not None:
        return Mask(instruction, instruction)
    names: dict[str, str] = {}
    parts, end = [], 0
    for literal in literals(instruction):
        text = _masked(literal, instruction, names)
        parts += [with_digits(instruction[end : literal.start]), text]
        end = literal.end
    parts.append(with_digits(instruction[end:]))
    return Mask(instruction, "".join(parts), tuple((stand_in, name) for name, stand_in in names.items()))


def _masked(literal: NamedLiteral, instruction: str, names: dict[str, str]) -> str:
    """Return what stands in the place of a literal; the names that it takes are added."""
    given = instruction[literal.start : literal.end]
    is_copied = literal.is_certain and literal.is_odd and (literal.is_name or not literal.text.isascii())
    if has_wildcard(literal.text) and not literal.is_one:  # a pattern, which it has to read
        is_copied = False
    if not is_copied:
        return given
    is_path = "/" in literal.text and literal.kind != "quoted"
    pieces = re.split(r"(/)", literal.text) if is_path else [literal.text]
    return "".join(_piece(piece, instruction, names) for piece in pieces)


def _piece(piece: str, instruction: str, names: dict[str, str]) -> str:
    """Return the stand-in of a part of a path, with its extension, or a plain part as it is."""
    if re.fullmatch(r"[\w.~@+%=:,-]*|/", piece, re.ASCII) and not piece.startswith("-"):
        return piece
    extension = _EXTENSION.search(piece)
    tail = extension[0] if extension else ""
    stem = piece[: len(piece) - len(tail)]
    if stem not in names:
        known = {*instruction.lower().split(), *names.values()}
        free = [word for word in _STAND_INS if word not in known and word not in instruction.lower()]
        if not free:
            return piece
        names[stem] = next(word for word in free if word not in names.values())
    return names[stem] + tail


def _in_json(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)[1:-1]


def _num_begun(text: str, stand_in: str) -> int:
    """Return how many characters at the end of a text are the beginning of a stand-in."""
    lengths = range(min(len(text), len(stand_in) - 1), 0, -1)
    return next((length for length in lengths if stand_in.startswith(text[-length:])), 0)
