"""Brace expansion, as bash does it: `a{b,c}` and `{1..3}` stand for several words."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from agx.plan.shell_words import NotAPlan, Piece, Word, shortened

MAX_WORDS = 128
MAX_WORD_CHARS = 1024
_MARK = re.compile(r"[{},]")
_PADDED = re.compile(r"-?0[0-9]")
_RANGE = re.compile(r"(-?[0-9]{1,9})\.\.(-?[0-9]{1,9})|([A-Za-z])\.\.([A-Za-z])")


def expand_braces(word: Word) -> list[Word]:
    """Give the words that `a{b,c}` and `{1..3}` stand for; a word without them comes back alone.

    Raises `NotAPlan` where there are more than `MAX_WORDS`, or one is longer than `MAX_WORD_CHARS`.
    """
    waiting, done = [word], []
    while waiting:
        current = waiting.pop()
        choices = _first_choices(current)
        if choices is None:
            done.append(current)
        else:
            waiting += reversed(choices)
        if len(waiting) + len(done) > MAX_WORDS:
            raise NotAPlan("braces", f"braces give more than {MAX_WORDS} words")
    return done


def _first_choices(word: Word) -> list[Word] | None:
    """Give the words that the first brace of a word stands for, or None where it has none."""
    for index, piece in enumerate(word.pieces):
        if piece.kind != "text" or piece.quoted or "{" not in piece.text:
            continue
        if len(piece.text) > MAX_WORD_CHARS:
            raise NotAPlan("braces", f"a word with braces has more than {MAX_WORD_CHARS} characters")
        places = _first_brace(piece.text)
        if places is None:
            continue
        before, after = piece.text[: places[0]], piece.text[places[-1] + 1 :]
        middles = [replace(piece, text=before + choice + after) for choice in _choices(piece.text, places)]
        return [_with_piece(word, index, middle) for middle in middles]
    return None


def _with_piece(word: Word, index: int, piece: Piece) -> Word:
    return Word((*word.pieces[:index], piece, *word.pieces[index + 1 :]))


def _first_brace(text: str) -> list[int] | None:
    """Give the places of the `{`, the commas and the `}` of the first brace that stands for words."""
    found: list[int] | None = None
    opened: list[list[int]] = []
    for mark in _MARK.finditer(text):
        if mark[0] == "{":
            opened.append([mark.start()])
        elif opened and mark[0] == ",":
            opened[-1].append(mark.start())
        elif opened:
            places = [*opened.pop(), mark.start()]
            is_choice = len(places) > 2 or _RANGE.fullmatch(text, places[0] + 1, places[1])
            if is_choice and (found is None or places[0] < found[0]):
                found = places
    return found


def _choices(text: str, places: list[int]) -> list[str]:
    if len(places) > 2:
        return [text[start + 1 : stop] for start, stop in pairwise(places)]
    inside = text[places[0] + 1 : places[1]]
    first, last = inside.split("..")
    digits = first.lstrip("-").isdigit()
    start, stop = (int(first), int(last)) if digits else (ord(first), ord(last))
    if not 0 < abs(stop - start) < MAX_WORDS:
        raise NotAPlan("braces", f"`{{{shortened(inside)}}}` gives one word, or more than {MAX_WORDS}")
    step = 1 if stop >= start else -1
    width = max(len(first), len(last)) if _PADDED.match(first) or _PADDED.match(last) else 0
    values = range(start, stop + step, step)
    return [str(value).zfill(width) if digits else chr(value) for value in values]
