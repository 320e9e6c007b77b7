"""The texts of a regular expression, where there are only a few."""

from __future__ import annotations

from itertools import product

from agx.util.ecma import nodes
from agx.util.ecma.nodes import Chars, Choice, Group, Node, Repeat


def texts(node: Node, *, at_most: int) -> list[str] | None:
    """Return all texts in which an expression is found, in its order; None where there are too many.

    An expression that is not anchored is found in texts without end.
    """
    match node:
        case nodes.Sequence((nodes.START, *inner, nodes.END)):
            return _texts(nodes.Sequence(tuple(inner)), at_most)
        case Choice(options):
            found = [texts(option, at_most=at_most) for option in options]
            return _joined(found, at_most)
        case Group(part):
            return texts(part, at_most=at_most)
    return None


def _texts(node: Node, at_most: int) -> list[str] | None:
    match node:
        case Chars(ranges, (), False):
            codes = [code for low, high in ranges for code in range(low, min(high, low + at_most) + 1)]
            return _joined([[chr(code) for code in codes]], at_most)
        case nodes.Sequence(parts):
            return _in_a_row([_texts(part, at_most) for part in parts], at_most)
        case Choice(options):
            return _joined([_texts(option, at_most) for option in options], at_most)
        case Group(part):
            return _texts(part, at_most)
        case Repeat(part, low, int(high)) if high <= at_most:
            inner = _texts(part, at_most)
            counts = range(low, high + 1)
            return _joined([_in_a_row([inner] * count, at_most) for count in counts], at_most)
    return None


def _joined(found: list[list[str] | None], at_most: int) -> list[str] | None:
    every: dict[str, None] = {}
    for each in found:
        if each is None:
            return None
        every |= dict.fromkeys(each)
    return [*every] if len(every) <= at_most else None


def _in_a_row(found: list[list[str] | None], at_most: int) -> list[str] | None:
    rows = [""]
    for each in found:
        if each is None or len(rows) * len(each) > at_most:
            return None
        rows = [first + then for first, then in product(rows, each)]
    return rows
