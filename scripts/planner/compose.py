r"""Writes requests for `find` out of parts: what to find, where, by which tests, and what to do with it.

The corpus has most of these parts, each in a few combinations; a small model learns the combinations
by heart. Here every part meets every other, in the wordings and with the options that the corpus uses
most: `-type` before the name, the depth first, `-exec … \;` for what is done.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.planner.find_parts import (
    ACTIONS,
    DEPTHS,
    EXTENSIONS,
    LANGUAGES,
    NAME_KINDS,
    NUMBERS,
    PATTERNS,
    PLACES,
    POOLS,
    SUBJECTS,
    TESTS,
    TIMES,
    VERBS,
)
from scripts.planner.sources import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scripts.planner.find_parts import Action, Test

SOURCE = "composed"

_PLACEHOLDER = re.compile(r"\{([a-z]+\d?)\}")


def composed(num: int, seed: int = 1) -> Iterator[Pair]:
    """Yield so many requests with their commands, the same ones for a seed."""
    rng = random.Random(seed)
    for _ in range(num):
        yield _request(rng)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What one request is made of, its values still open."""

    subject: str
    place: str
    pattern: str  # before the subject; may be nothing, as may what follows
    depth: str
    tests: tuple[Test, ...]
    action: Action | None


def _request(rng: random.Random) -> Pair:
    parts, values = _parts(rng), _Values(rng)
    return Pair(values.fill(_wording(parts, rng)), values.fill(_command(parts)), SOURCE)


def _parts(rng: random.Random) -> _Parts:
    pattern = _drawn(rng, PATTERNS) if rng.random() < 0.3 else ""
    return _Parts(
        subject=_drawn(rng, SUBJECTS),
        place=_drawn(rng, PLACES),
        pattern=pattern,
        depth=rng.choice(list(DEPTHS)) if rng.random() < 0.12 else "",
        tests=_tests(rng, rng.choice((0, 1, 1) if pattern else (1, 1, 1, 2, 2)), _words(PATTERNS, pattern)),
        action=rng.choice(ACTIONS) if rng.random() < 0.3 else None,
    )


def _wording(parts: _Parts, rng: random.Random) -> str:
    where = rng.choice(PLACES[parts.place][1]).replace("{}", parts.place)
    deep = rng.choice(DEPTHS[parts.depth]) if parts.depth else ""
    clauses = " and ".join(rng.choice(test.wordings) for test in parts.tests)
    begin, end = rng.choice(parts.action.frames) if parts.action else ("", "")
    every = rng.choice(("all ", "all ", "all the ", "")) + parts.pattern + parts.subject
    middle = [where, deep, clauses] if where and rng.random() < 0.5 else [clauses, where, deep]
    return " ".join(filter(None, (begin or rng.choice(VERBS), every, *middle, end)))


def _command(parts: _Parts) -> str:
    """Write the words in the corpus's order: folder, depth, type, names, the other tests, the action."""
    kind, pattern = _words(SUBJECTS, parts.subject), _words(PATTERNS, parts.pattern)
    action = parts.action.words if parts.action else ""
    if " -o " in pattern and (kind or parts.tests or "-" in action):
        pattern = rf"\( {pattern} \)"
    names = [test.words for test in parts.tests if test.kind in NAME_KINDS]
    others = [test.words for test in parts.tests if test.kind not in NAME_KINDS]
    return " ".join(filter(None, ("find", parts.place, parts.depth, kind, pattern, *names, *others, action)))


def _drawn(rng: random.Random, table: Mapping[str, tuple[int, object]]) -> str:
    return rng.choices(list(table), [weight for weight, _ in table.values()])[0]


def _words(table: Mapping[str, tuple[int, str]], wording: str) -> str:
    return table[wording][1] if wording else ""


def _tests(rng: random.Random, num: int, pattern: str) -> tuple[Test, ...]:
    """Draw tests of different kinds, none of the kind that stands before the subject already."""
    taken = set(NAME_KINDS if "name" in pattern else {"size"} if pattern else ())
    chosen: list[Test] = []
    for _ in range(num):
        free = [test for test in TESTS if test.kind not in taken]
        test = rng.choices(free, [test.weight for test in free])[0]
        taken |= NAME_KINDS if test.kind in NAME_KINDS else {test.kind}
        chosen.append(test)
    return tuple(chosen)


class _Values:
    """The names and numbers of one request, each drawn when it is first met."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._drawn: dict[str, str] = {}

    def fill(self, text: str) -> str:
        """Put the values in the places of a text."""
        return _PLACEHOLDER.sub(lambda match: self._value(match[1]), text)

    def _value(self, name: str) -> str:
        if name == "done":
            return TIMES[self._value("when")]
        if name == "suffix":
            return LANGUAGES[self._value("lang")]
        if name not in self._drawn:
            self._drawn[name] = self._draw(name)
        return self._drawn[name]

    def _draw(self, name: str) -> str:
        rng, family = self._rng, name.rstrip("0123456789")
        match family:
            case "n":
                return str(rng.choice(NUMBERS))
            case "top":
                return str(int(self._value("n")) + rng.randint(1, 50))
            case "inode":
                return str(rng.randint(1000, 999999))
            case "level":
                return str(rng.randint(2, 6))
            case "when":
                return rng.choices("mac", (5, 3, 1))[0]
        value = rng.choice([value for value in POOLS[family] if value not in self._drawn.values()])
        extension = f".{rng.choice(EXTENSIONS)}" if family == "name" and rng.random() < 0.6 else ""
        return value + extension
