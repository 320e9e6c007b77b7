r"""Reads a regular expression of JavaScript (ECMA-262, with Annex B) as a tree.

It reads what people write, with and without the flag `u`: `\-` is a dash, and `\p{L}` a property. Beside that
it reads the group names and anchors of Python (`(?P<n>…)`, `\A`, `\Z`) and flags at the beginning (`(?i)`),
which would have no meaning otherwise.
"""

from __future__ import annotations

import re
from functools import lru_cache

from agx.util.ecma import nodes
from agx.util.ecma.nodes import (
    BackReference,
    Chars,
    Choice,
    Group,
    Look,
    Node,
    Place,
    Property,
    Range,
    Repeat,
)

# Nesting is followed on the stack.
_MAX_DEPTH = 100
_MAX_REPEATED = 100_000
_COUNT = re.compile(r"\{(\d{1,20})(,(\d{0,20}))?\}")
_NAME = re.compile(r"\?P?<([A-Za-z_$][\w$]*)>")
_LOOKS = {"?=": (True, False), "?!": (True, True), "?<=": (False, False), "?<!": (False, True)}
_FLAGS = re.compile(r"\?([a-z]*)(-[a-z]+)?:")
_LEADING_FLAGS = re.compile(r"\(\?([isu]+)\)")
_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_CLASSES = {"d": nodes.DIGITS, "w": nodes.WORD, "s": nodes.SPACE}
_HEX = re.compile(r"x([0-9A-Fa-f]{2})|u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})")
_LOW_HALF = re.compile(r"\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)
_PROPERTY = re.compile(r"[pP]\{([A-Za-z_]+(?:=[A-Za-z_]+)?)\}")


@lru_cache(maxsize=1024)
def parse(text: str) -> Node:
    """Return the tree of a regular expression; raises `ValueError` with a reason for what is none."""
    flags = _LEADING_FLAGS.match(text)
    reader = _Reader(text, flags.end() if flags else 0, flags=flags[1] if flags else "")
    node = reader.choice(depth=0)
    if reader.at < len(text):
        raise ValueError("a `)` too many")
    reader.check_references()
    return node


class _Reader:
    """Reads a text from `at` on, once."""

    def __init__(self, text: str, at: int, *, flags: str) -> None:
        self._text, self.at = text, at
        self._ignores_case, self._is_dot_all = "i" in flags, "s" in flags
        self._num_groups = 0
        self._names: set[str] = set()
        self._references: list[int | str] = []

    def check_references(self) -> None:
        """Refuse a reference to a group that there is not."""
        for group in self._references:
            if not (group in self._names or (isinstance(group, int) and group <= self._num_groups)):
                raise ValueError(f"there is no group {group}")

    def choice(self, *, depth: int) -> Node:
        """Read alternatives, to the end or the bracket that closes them."""
        if depth > _MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        options = [self._row(depth)]
        while self._take("|"):
            options.append(self._row(depth))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _row(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.at < len(self._text) and self._text[self.at] not in "|)":
            parts.append(self._repeated(self._part(depth)))
        return parts[0] if len(parts) == 1 else nodes.Sequence(tuple(parts))

    def _repeated(self, part: Node) -> Node:
        """Return a part with the sign behind it that says how often it stands there."""
        count = _COUNT.match(self._text, self.at)
        sign = self._text[self.at : self.at + 1]
        if count is not None:
            self.at = count.end()
            low = int(count[1])
            high = low if count[2] is None else int(count[3]) if count[3] else None
        elif sign and sign in "*+?":
            self.at += 1
            low, high = int(sign == "+"), 1 if sign == "?" else None
        else:
            return part
        is_bad = (high is not None and high < low) or max(low, high or 0) > _MAX_REPEATED
        if is_bad or isinstance(part, Place):
            raise ValueError(f"a part cannot be repeated {count[0] if count else sign} times")
        repeated = Repeat(part, low, high, is_lazy=self._take("?"))
        if self._text[self.at : self.at + 1] in {"*", "+", "?"}:
            raise ValueError("nothing to repeat")
        return repeated

    def _part(self, depth: int) -> Node:
        sign = self._text[self.at]
        self.at += 1
        match sign:
            case "(":
                return self._group(depth)
            case "[":
                return self._set()
            case "\\":
                return self._escaped()
            case "^" | "$":
                return Place(sign)
            case ".":
                return nodes.ANYTHING if self._is_dot_all else nodes.ANY_BUT_LINE_END
            case "*" | "+" | "?":
                raise ValueError("nothing to repeat")
            case "{" if _COUNT.match(self._text, self.at - 1):
                raise ValueError("nothing to repeat")
        return self._chars(((ord(sign), ord(sign)),))

    def _group(self, depth: int) -> Node:
        for start, (is_ahead, is_negated) in _LOOKS.items():
            if self._text.startswith(start, self.at):
                self.at += len(start)
                return Look(self._inner(depth), is_ahead, is_negated)
        flags, name = _FLAGS.match(self._text, self.at), _NAME.match(self._text, self.at)
        if flags is not None:
            self.at = flags.end()
            return Group(self._with_flags(flags[1], flags[2] or "", depth))
        number = self._num_groups = self._num_groups + 1
        if name is not None:
            self.at = name.end()
            if name[1] in self._names:
                raise ValueError(f"two groups are called {name[1]}")
            self._names.add(name[1])
        elif self._text.startswith("?", self.at):
            raise ValueError(f"a group cannot begin with `({self._text[self.at : self.at + 2]}`")
        return Group(self._inner(depth), number, None if name is None else name[1])

    def _with_flags(self, switched_on: str, switched_off: str, depth: int) -> Node:
        outer = self._ignores_case
        self._ignores_case = (outer or "i" in switched_on) and "i" not in switched_off
        inner = self._inner(depth)
        self._ignores_case = outer
        return inner

    def _inner(self, depth: int) -> Node:
        node = self.choice(depth=depth + 1)
        if not self._take(")"):
            raise ValueError("a group is not closed")
        return node

    def _escaped(self) -> Node:
        sign = self._text[self.at : self.at + 1]
        if sign in {"b", "B"}:
            self.at += 1
            return Place("\\" + sign)
        if sign in {"A", "Z", "z"}:
            self.at += 1
            return nodes.START if sign == "A" else nodes.END
        reference = re.compile(r"k<([A-Za-z_$][\w$]*)>|([1-9]\d?)").match(self._text, self.at)
        if reference is not None:
            self.at = reference.end()
            group = reference[1] or int(reference[2])
            self._references.append(group)
            return BackReference(group)
        ranges, properties = self._escape()
        return self._chars(ranges, properties)

    def _escape(self) -> tuple[tuple[Range, ...], tuple[Property, ...]]:
        """Read what follows a backslash, inside and outside of sets: a character, or a set of them."""
        if self.at >= len(self._text):
            raise ValueError("it ends with a backslash")
        known = _PROPERTY.match(self._text, self.at)
        if known is not None:
            self.at = known.end()
            return (), (Property(known[1], is_negated=known[0].startswith("P")),)
        sign = self._text[self.at]
        if sign.lower() in _CLASSES:
            self.at += 1
            ranges = _CLASSES[sign.lower()]
            return (ranges if sign.islower() else nodes.complement(ranges)), ()
        code = self._code(sign)
        return ((code, code),), ()

    def _code(self, sign: str) -> int:
        """Read the code point that an escape stands for."""
        code = _HEX.match(self._text, self.at)
        if code is not None:
            self.at = code.end()
            return self._whole(int(code[1] or code[2] or code[3], 16))
        self.at += 1
        if sign == "c" and self._text[self.at : self.at + 1].isalpha() and self._text[self.at].isascii():
            self.at += 1
            return ord(self._text[self.at - 1]) % 32
        return 0 if sign == "0" else _CONTROLS.get(sign, ord(sign))

    def _whole(self, code: int) -> int:
        """Return a code point, of two halves where the second one follows."""
        low = _LOW_HALF.match(self._text, self.at)
        if 0xD800 <= code <= 0xDBFF and low is not None:
            self.at = low.end()
            return 0x10000 + ((code - 0xD800) << 10) + (int(low[1], 16) - 0xDC00)
        if code > nodes.LAST_CODE_POINT:
            raise ValueError(f"there is no character {code:X}")
        return code

    def _set(self) -> Node:
        is_negated = self._take("^")
        ranges: list[Range] = []
        properties: list[Property] = []
        while not self._take("]"):
            if self.at >= len(self._text):
                raise ValueError("a set of characters is not closed")
            found, named = self._in_set()
            if len(found) == 1 and found[0][0] == found[0][1] and self._is_range():
                self.at += 1
                last, _ = self._in_set()
                if len(last) != 1 or last[0][0] != last[0][1] or last[0][0] < found[0][0]:
                    raise ValueError("a range of characters ends before it begins")
                found = ((found[0][0], last[0][0]),)
            ranges += found
            properties += named
        return self._chars(tuple(ranges), tuple(properties), is_negated=is_negated)

    def _is_range(self) -> bool:
        """Return whether a dash follows, and the end of a range after it."""
        rest = self._text[self.at : self.at + 3]
        is_class = rest[1:2] == "\\" and rest[2:3] in {"d", "D", "w", "W", "s", "S", "p", "P"}
        return rest[:1] == "-" and rest[1:2] not in {"", "]"} and not is_class

    def _in_set(self) -> tuple[tuple[Range, ...], tuple[Property, ...]]:
        sign = self._text[self.at]
        self.at += 1
        if sign != "\\":
            return ((ord(sign), ord(sign)),), ()
        if self._take("b"):
            return ((8, 8),), ()
        return self._escape()

    def _chars(
        self, ranges: tuple[Range, ...], properties: tuple[Property, ...] = (), *, is_negated: bool = False
    ) -> Chars:
        both = nodes.with_both_cases(ranges) if self._ignores_case else ranges
        return Chars(both, properties, is_negated=is_negated)

    def _take(self, sign: str) -> bool:
        is_next = self._text.startswith(sign, self.at)
        self.at += len(sign) * is_next
        return is_next
