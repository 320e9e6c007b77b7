"""Brace expansion, as bash does it: `a{b,c}` and `{1..3}` stand for several words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from agx.shell.refusals import NotAPlan, excerpt
from agx.shell.tokens import Piece, Word

MAX_WORDS = 128
MAX_WORD_CHARS = 1024
_MARK = re.compile(r"[{},]")
_PADDED = re.compile(r"-?0[0-9]")
_RANGE = re.compile(r"(?:(-?[0-9]{1,9})\.\.(-?[0-9]{1,9})|([A-Za-z])\.\.([A-Za-z]))(?:\.\.(-?[0-9]{1,9}))?")


class _Place(NamedTuple):
    """A character of a word: the index of its piece, and its place in that."""

    piece: int
    at: int


def expand_braces(word: Word) -> list[Word]:
    """Return the words that `a{b,c}` and `{1..3}` stand for; a word without them comes back alone.

    Words that are empty afterwards are left out, as they are in a shell. Raises `NotAPlan` where
    there are more than `MAX_WORDS`, or one is longer than `MAX_WORD_CHARS`.
    """
    if all(piece.kind != "text" or piece.quoted or "{" not in piece.text for piece in word.pieces):
        return [word]
    waiting, done = [word], []
    while waiting:
        current = waiting.pop()
        choices = _first_choices(current)
        if choices is None:
            done.append(current)
        else:
            waiting += reversed(choices)
        if len(waiting) + len(done) > MAX_WORDS:
            raise NotAPlan("braces", f"braces give more than {MAX_WORDS} words", at=word.at)
    return [one for one in done if one.pieces]


def _first_choices(word: Word) -> list[Word] | None:
    """Return the words that the first brace of a word stands for, or None where it has none."""
    places = _first_brace(word)
    if places is None:
        return None
    before, after = _slice(word, _Place(0, 0), places[0]), _slice(word, _next(places[-1]), None)
    return [replace(word, pieces=_merged(*before, *middle, *after)) for middle in _choices(word, places)]


def _first_brace(word: Word) -> list[_Place] | None:
    """Return the places of the `{`, the commas and the `}` of the first brace that stands for words."""
    found: list[_Place] | None = None
    opened: list[list[_Place]] = []
    for mark, place in _marks(word):
        if mark == "{":
            opened.append([place])
        elif opened and mark == ",":
            opened[-1].append(place)
        elif opened:
            places = [*opened.pop(), place]
            is_choice = len(places) > 2 or _RANGE.fullmatch(_inside(word, places)) is not None
            if is_choice and (found is None or places[0] < found[0]):
                found = places
    return found


def _marks(word: Word) -> Iterator[tuple[str, _Place]]:
    """Yield the braces and commas that no quote protects."""
    if sum(len(piece.text) for piece in word.pieces) > MAX_WORD_CHARS:
        message = f"a word with braces has more than {MAX_WORD_CHARS} characters"
        raise NotAPlan("braces", message, at=word.at)
    for index, piece in enumerate(word.pieces):
        if piece.kind == "text" and not piece.quoted:
            yield from ((mark[0], _Place(index, mark.start())) for mark in _MARK.finditer(piece.text))


def _next(place: _Place) -> _Place:
    return _Place(place.piece, place.at + 1)


def _slice(word: Word, start: _Place, stop: _Place | None) -> tuple[Piece, ...]:
    """Return the pieces between two places, without those that are empty and unquoted."""
    found = []
    last = len(word.pieces) - 1 if stop is None else stop.piece
    for index in range(start.piece, last + 1):
        piece = word.pieces[index]
        if piece.kind == "text":
            end = stop.at if stop is not None and index == stop.piece else None
            piece = replace(piece, text=piece.text[start.at if index == start.piece else 0 : end])
        if piece.text or piece.quoted:
            found.append(piece)
    return tuple(found)


def _merged(*pieces: Piece) -> tuple[Piece, ...]:
    """Join neighbouring texts: what braces put together is one text."""
    found: list[Piece] = []
    for piece in pieces:
        last = found[-1] if found else None
        if last and last.kind == piece.kind == "text" and last.quoted == piece.quoted:
            found[-1] = replace(last, text=last.text + piece.text)
        else:
            found.append(piece)
    return tuple(found)


def _inside(word: Word, places: list[_Place]) -> str:
    """Return the unquoted text between two marks of one piece; marks of two pieces have none."""
    start, stop = places[0], places[-1]
    return word.pieces[start.piece].text[start.at + 1 : stop.at] if start.piece == stop.piece else ""


def _choices(word: Word, places: list[_Place]) -> list[tuple[Piece, ...]]:
    if len(places) > 2:
        return [_slice(word, _next(start), stop) for start, stop in pairwise(places)]
    return [(Piece("text", text),) for text in _range(_inside(word, places), word)]


def _range(inside: str, word: Word) -> list[str]:
    match = _RANGE.fullmatch(inside)
    assert match is not None, "only ranges come here"
    first, last = (match[1], match[2]) if match[1] else (match[3], match[4])
    start, stop = (int(first), int(last)) if match[1] else (ord(first), ord(last))
    step = abs(int(match[5] or 1)) or 1
    if abs(stop - start) // step >= MAX_WORDS:
        message = f"`{{{excerpt(inside)}}}` gives more than {MAX_WORDS} words"
        raise NotAPlan("braces", message, at=word.at)
    values = range(start, stop + 1, step) if stop >= start else range(start, stop - 1, -step)
    width = max(len(first), len(last)) if _PADDED.match(first) or _PADDED.match(last) else 0
    return [str(value).zfill(width) if match[1] else chr(value) for value in values]
