"""Writes a regular expression for the two engines that need it, so that both mean the same by it.

The check (`regex`) has everything that JavaScript has. The constraint (the syntax of Rust's `regex`) has no
look-around, no reference to a group and no word boundary: there the part is left away, or widened to what
the group may be. The result then allows more than the expression, and never less.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from agx.util.ecma import nodes
from agx.util.ecma.nodes import BackReference, Chars, Choice, Group, Look, Node, Place, Repeat

_HALVES = (0xD800, 0xDFFF)
_ANYTHING = Repeat(nodes.ANYTHING, 0, None)


def for_check(node: Node) -> str:
    """Return the expression for `regex.search`."""
    return _Writer(groups(node)).text(node)


@dataclass(frozen=True, slots=True)
class Held:
    """The expression of whole texts for the constraint, and whether it allows no more than it should."""

    text: str
    is_exact: bool


def for_constraint(node: Node) -> Held:
    """Return the expression for texts in which `node` is found somewhere."""
    writer = _Plain(groups(node))
    text = writer.text(_whole(node))
    return Held(f"^(?:{text})$", writer.is_exact)


@dataclass(slots=True)
class _Writer:
    """Writes a tree for `regex`. Groups are known by their number and by their name."""

    groups: dict[int | str, Group]

    def text(self, node: Node) -> str:
        match node:
            case Chars():
                return _chars(node)
            case nodes.Sequence(parts):
                return "".join(map(self._in_row, parts))
            case Choice(options):
                return "|".join(map(self.text, options))
            case Repeat():
                return self._repeated(node)
            case Group(part, number):
                return f"({'' if number else '?:'}{self.text(part)})"
            case _:
                return self.other(node)

    def other(self, node: Look | Place | BackReference) -> str:
        """Return what only one of the engines has."""
        match node:
            case Place(sign):
                return {"^": r"\A", "$": r"\Z", r"\b": _edge(is_edge=True), r"\B": _edge(is_edge=False)}[sign]
            case BackReference(group):
                return f"(?:\\{self.groups[group].number})"
            case Look(part, is_ahead, is_negated):
                return f"(?{'' if is_ahead else '<'}{'!' if is_negated else '='}{self.text(part)})"

    def _in_row(self, node: Node) -> str:
        return f"(?:{self.text(node)})" if isinstance(node, Choice) else self.text(node)

    def _repeated(self, node: Repeat) -> str:
        match node.at_least, node.at_most:
            case (0, None):
                times = "*"
            case (1, None):
                times = "+"
            case (0, 1):
                times = "?"
            case (low, high):
                times = f"{{{low}}}" if low == high else f"{{{low},{'' if high is None else high}}}"
        text = self.text(node.part)
        is_one = isinstance(node.part, Chars | Group)
        return (text if is_one else f"(?:{text})") + times + ("?" if node.is_lazy else "")


@dataclass(slots=True)
class _Plain(_Writer):
    """Writes a tree for the constraint, and keeps in mind whether that is exact."""

    is_exact: bool = True
    open: set[int | str] = field(default_factory=set)

    def text(self, node: Node) -> str:
        """Return the expression; no text of JSON in UTF-8 has halves of characters."""
        return _Writer.text(self, _without_halves(node) if isinstance(node, Chars) else node)

    def other(self, node: Look | Place | BackReference) -> str:
        """Return a wider expression: nothing for a place, the group itself for a reference to it."""
        self.is_exact = False
        if not isinstance(node, BackReference) or node.group in self.open:
            return ""
        self.open.add(node.group)
        text = f"(?:{self.text(self.groups[node.group].part)})?"
        self.open.discard(node.group)
        return text


def _whole(node: Node) -> Node:
    """Return a tree of whole texts: what is not anchored has anything before and behind it."""
    options = []
    for option in _alternatives(node):
        parts = [*option.parts] if isinstance(option, nodes.Sequence) else [option]
        starts = bool(parts) and parts[0] == nodes.START
        ends = len(parts) > starts and parts[-1] == nodes.END
        inner = parts[starts : len(parts) - ends]
        around = [[] if starts else [_ANYTHING], [] if ends else [_ANYTHING]]
        options.append(nodes.Sequence((*around[0], *inner, *around[1])))
    return options[0] if len(options) == 1 else Choice(tuple(options))


def _alternatives(node: Node) -> Iterable[Node]:
    """Yield the alternatives of an expression, those of groups at its anchored ends included."""
    match node:
        case Choice(options):
            for option in options:
                yield from _alternatives(option)
        case Group(part):
            yield from _alternatives(part)
        case nodes.Sequence((Group(part), *rest)) if _has_anchor(part):
            for option in _alternatives(part):
                yield from _alternatives(_row(option, nodes.Sequence(tuple(rest))))
        case nodes.Sequence((*first, Group(part))) if _has_anchor(part):
            for option in _alternatives(part):
                yield _row(nodes.Sequence(tuple(first)), option)
        case _:
            yield node


def _row(*rows: Node) -> Node:
    parts: list[Node] = []
    for row in rows:
        parts += row.parts if isinstance(row, nodes.Sequence) else [row]
    return nodes.Sequence(tuple(parts))


def _has_anchor(node: Node) -> bool:
    match node:
        case Place(sign):
            return sign in "^$"
        case nodes.Sequence(parts) | Choice(parts):
            return any(map(_has_anchor, parts))
        case Group(part):
            return _has_anchor(part)
    return False


def groups(node: Node) -> dict[int | str, Group]:
    """Return the groups that capture, by number and by name."""
    found: dict[int | str, Group] = {}
    waiting = [node]
    while waiting:
        match waiting.pop():
            case Group(part, number, name) as group:
                found |= {key: group for key in (number, name) if key is not None}
                waiting.append(part)
            case Repeat(part) | Look(part):
                waiting.append(part)
            case nodes.Sequence(parts) | Choice(parts):
                waiting += parts
    return found


def _chars(node: Chars) -> str:
    """Return a set of characters, each by its code point: no sign in it means anything."""
    if node == nodes.ANYTHING:
        return r"[\s\S]"  # which every dialect knows
    if len(node.ranges) == 1 and node.ranges[0][0] == node.ranges[0][1] and not node.properties:
        return f"[^{_sign(node.ranges[0][0])}]" if node.is_negated else _sign(node.ranges[0][0])
    signs = "".join(_sign(low) if low == high else f"{_sign(low)}-{_sign(high)}" for low, high in node.ranges)
    signs += "".join(f"\\{'P' if each.is_negated else 'p'}{{{each.name}}}" for each in node.properties)
    if not signs:  # a set of nothing, and of everything
        return _chars(nodes.ANYTHING) if node.is_negated else "[^\\x00-\\U0010ffff]"
    return f"[{'^' if node.is_negated else ''}{signs}]"


def _without_halves(node: Chars) -> Chars:
    """Return a set whose ranges do not begin or end with half of a character (a surrogate)."""
    first, last = _HALVES
    ranges = []
    for low, high in node.ranges:
        begin = last + 1 if first <= low <= last else low
        end = first - 1 if first <= high <= last else high
        if begin <= end:
            ranges.append((begin, end))
    return Chars(tuple(ranges), node.properties, is_negated=node.is_negated)


def _sign(code: int) -> str:
    sign = chr(code)
    if sign.isascii() and sign.isalnum():
        return sign
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _edge(*, is_edge: bool) -> str:
    """Return a place at the edge of a word of ASCII, or at none."""
    word = _chars(Chars(nodes.WORD))
    before, behind = ("!", "=") if is_edge else ("!", "!")
    return f"(?:(?<{before}{word})(?{behind}{word})|(?<={word})(?{'!' if is_edge else '='}{word}))"
