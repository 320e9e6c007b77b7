"""The filters and the methods of texts that real chat templates use, with bounds."""

# ruff: noqa: FBT001, FBT002 - filters have jinja2's signatures
from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from agx.engine.chat.bounds import (
    LimitExceeded,
    check_number,
    check_parts,
    check_search,
    check_weight,
    weighed,
)
from agx.engine.chat.jinja import FILTERS

_MAX_INDENT = 64
_MAX_DIGITS = 100
_TO_ESCAPE = re.compile("[^\x00-\x7f\ue000-\uf8ff]")

_AS_IN_JINJA = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float", "items",
    "last", "length", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "safe", "select",
    "selectattr", "string", "unique", "upper",
)  # fmt: skip
# These split a text into characters or words.
_IN_PARTS = ("groupby", "list", "sort", "title")
TEXT_METHODS = (
    "capitalize", "count", "endswith", "find", "index", "isalpha", "isdigit", "isspace", "join", "lower",
    "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rpartition", "rsplit",
    "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper",
)  # fmt: skip

Filter = Callable[..., Any]


def bounded_filters() -> dict[str, Filter]:
    """Return the filters by name; the caller weighs their input."""
    filters = {name: FILTERS[name] for name in _AS_IN_JINJA}
    filters |= {name: _in_parts(FILTERS[name]) for name in _IN_PARTS}
    filters |= {"indent": _indent, "int": _int, "join": joined, "replace": _replace, "round": _round}
    return filters | {"from_json": _from_json, "tojson": _to_json, "trim": _trim}


def joined(value: Iterable[Any], d: str = "", attribute: str | None = None) -> str:
    """Join parts of any type."""
    parts = value if attribute is None else (part[attribute] for part in value)
    texts = [str(weighed(part)) for part in parts]
    check_weight(sum(map(len, texts)) + len(d) * len(texts))
    return str(d).join(texts)


def _join_by(separator: str, parts: Iterable[Any]) -> str:
    return joined(parts, separator)


def _in_parts(function: Filter) -> Filter:
    @functools.wraps(function)  # keeps jinja2's marks on the function: some have its environment first
    def bounded(*args: object, **kwargs: object) -> object:
        check_parts(max((len(value) for value in args if isinstance(value, str)), default=0))
        return function(*args, **kwargs)

    return bounded


def _replace(s: object, old: str, new: str, count: int | None = None) -> str:
    text, old, new = str(s), str(old), str(new)
    _check_replace(text, old, new)
    return text.replace(old, new, -1 if count is None else count)


def _trim(value: object, chars: str | None = None) -> str:
    text = str(value)
    check_search(text, chars)
    return text.strip(chars)


def _indent(s: object, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    prefix = width if isinstance(width, str) else " " * min(width, _MAX_INDENT)
    text = str(s)
    _check_lines(text)
    lines = text.splitlines()
    check_weight(len(text) + len(lines) * len(prefix))
    return "\n".join(
        prefix + line if (line or blank) and (number or first) else line for number, line in enumerate(lines)
    )


def _int(value: object, default: int = 0, base: int = 10) -> object:
    number = FILTERS["int"](value, default, base)
    check_number(number)
    return number


def _round(value: float, precision: int = 0, method: str = "common") -> object:
    if abs(precision) > _MAX_DIGITS:
        raise LimitExceeded(f"it rounds to {precision:,} digits")
    return FILTERS["round"](value, precision, method)


def _to_json(
    value: object,
    indent: int | None = None,
    ensure_ascii: bool = False,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Write JSON as Hugging Face's templates expect it: no HTML escapes, `ensure_ascii` off.

    Private-use characters stay as they are: one of them marks what users wrote.
    """
    width = None if indent is None else min(indent, _MAX_INDENT)
    text = json.dumps(value, indent=width, ensure_ascii=False, separators=separators, sort_keys=sort_keys)
    return _TO_ESCAPE.sub(lambda match: json.dumps(match[0])[1:-1], text) if ensure_ascii else text


def _from_json(value: str) -> object:
    """Read JSON, as templates do with the arguments of calls; the text bounds the size of the value."""
    return json.loads(value)


def _check_replace(text: str, old: str, new: str, *_count: object) -> None:
    check_weight(len(text) + text.count(old) * max(len(new) - len(old), 0))


def _check_lines(text: str, *_keepends: object) -> None:
    check_parts(len(text) // 2)


def _check_split(text: str, sep: str | None = None, maxsplit: int = -1) -> None:  # noqa: ARG001 - as of str.split
    check_search(text, sep)
    check_parts(text.count(sep) if sep else len(text) // 2)


# Replacements for methods of texts, and checks that run before others are called.
REPLACED_METHODS: Mapping[str, Callable[..., str]] = {"join": _join_by}
METHOD_CHECKS: Mapping[str, Callable[..., None]] = {
    # Each of these may take a step for every pair of characters of its two texts.
    **dict.fromkeys(("lstrip", "rfind", "rpartition", "rstrip", "strip"), check_search),
    **dict.fromkeys(("split", "rsplit"), _check_split),
    "replace": _check_replace,
    "splitlines": _check_lines,
}
