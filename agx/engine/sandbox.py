"""jinja2's sandbox, with every operation bounded that could make text, lists or numbers grow.

A template may come from anywhere. The sandbox of jinja2 keeps it from Python's internals; this module
keeps it from using up memory, or minutes, in one step: `x * 10**9`, doubling a text forty times, a
list of two references to a list of two references to … . So whatever goes into an operator, a
literal, a filter or a call is weighed first, and what real chat templates do not use is left out.
"""

# ruff: noqa: FBT001, FBT002 - filters and overridden methods have jinja2's signatures
from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from agx.engine.jinja import (
    FILTERS,
    Context,
    Extension,
    ImmutableSandboxedEnvironment,
    NodeTransformer,
    Parser,
    TemplateError,
    loopcontrols,
    nodes,
)

# A message may have a megabyte, and a template repeats or escapes it a few times.
MAX_TEXT_CHARS = 1 << 24
# One entry of a list weighs as much as this many characters.
_ENTRY_WEIGHT = 1 << 10
_MAX_NUMBER_BITS = 1 << 12
_MAX_INDENT = 64
_MAX_DIGITS = 100
_TO_ESCAPE = re.compile("[^\x00-\x7f\ue000-\uf8ff]")

_FILTERS = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float", "groupby",
    "int", "items", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse",
    "safe", "select", "selectattr", "sort", "string", "title", "trim", "unique", "upper",
)  # fmt: skip
_TEXT_METHODS = (
    "capitalize", "count", "endswith", "find", "index", "isalpha", "isdigit", "isspace", "join", "lower",
    "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rpartition", "rsplit",
    "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper",
)  # fmt: skip
# The names of filters that only the compiler of templates writes.
_CONCATENATE, _WEIGHED = "agx_concatenate", "agx_weighed"
_ADDED_BY_JINJA = ("_loop_vars", "_block_vars")


class LimitExceeded(Exception):
    """A template did more than a chat template may."""


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """An environment as Hugging Face's chat templates expect it, with the bounds; see the module."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,  # folding constants would run filters outside the time limit
            finalize=weighed,
            extensions=[loopcontrols, _Generation],
        )
        del self.globals["lipsum"]
        filters: dict[str, Callable[..., Any]] = {name: FILTERS[name] for name in _FILTERS}
        filters |= {"join": _join, "replace": _replace, "indent": _indent}
        filters |= {"tojson": _to_json, "round": _round}
        self.filters = {name: _weighing(function) for name, function in filters.items()}
        self.filters |= {_CONCATENATE: _concatenate, _WEIGHED: weighed}
        # What blocks and macros put their pieces together with.
        self.concat = _concatenate  # type: ignore[method-assign]

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        return super()._generate(_Bounding().visit(source), name, filename, defer_init)

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        """Allow what the sandbox allows, and of a text's methods those that templates use."""
        if isinstance(obj, str):
            return attr in _TEXT_METHODS
        return not isinstance(obj, (int, float, bytes)) and super().is_safe_attribute(obj, attr, value)

    def unsafe_undefined(self, obj: object, attribute: str) -> NoReturn:
        """Raise the error at once that jinja2 would raise when the value is used."""
        raise TemplateError(f"it asks for the attribute {attribute!r} of {type(obj).__name__!r}")

    def wrap_str_format(self, value: object) -> None:
        """Leave `format` of a text to `is_safe_attribute`: its widths have no limit."""

    def call(self, context: Context, obj: object, /, *args: object, **kwargs: object) -> object:
        """Call as the sandbox does, with weighed arguments and bounded methods of texts."""
        given = {name: value for name, value in kwargs.items() if name not in _ADDED_BY_JINJA}
        weighed([*args, given])
        owner = getattr(obj, "__self__", None)
        bounded = _BOUNDED_METHODS.get(getattr(obj, "__name__", "")) if isinstance(owner, str) else None
        if bounded is not None:
            return bounded(owner, *args, **given)
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        """Compute, unless the result would be too large."""
        if operator == "+" and isinstance(left, (str, Sequence)):
            _check_weight(_weight(left, {}) + _weight(right, {}))
        elif operator == "*":
            _check_product(left, right)
        elif operator == "**":
            _check_power(left, right)
        elif operator == "%" and isinstance(left, (str, bytes)):
            raise LimitExceeded("it formats text with %, which chat templates may not")
        return super().call_binop(context, operator, left, right)


class _Generation(Extension):
    """`{% generation %}` marks the assistant's text for training; here it is its content."""

    tags = {"generation"}  # noqa: RUF012 - jinja2's own declaration

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Give what stands between the tags."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Bounding(NodeTransformer):
    """Sends what has no other hook in jinja2 through filters: `a ~ b`, and literals that hold others."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - the visitor's naming
        """Replace `a ~ b`."""
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), _CONCATENATE)

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802 - the visitor's naming
        """Weigh a list."""
        return _filtered(self.generic_visit(node), _WEIGHED)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802 - the visitor's naming
        """Weigh a dictionary."""
        return _filtered(self.generic_visit(node), _WEIGHED)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802 - the visitor's naming
        """Weigh a tuple, unless names are assigned by it."""
        self.generic_visit(node)
        return _filtered(node, _WEIGHED) if node.ctx == "load" else node


def _filtered(node: nodes.Expr | nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def weighed(value: object) -> object:
    """Give the value; raises `LimitExceeded` when it is too large to be written out."""
    if not isinstance(value, (int, float)):
        _check_weight(_weight(value, {}))
    return value


def _weight(value: object, known: dict[int, int]) -> int:
    """Give how much there is to write of a value; what stands in it twice counts twice."""
    if isinstance(value, str):
        return len(value)
    if not isinstance(value, (list, tuple, Mapping)):
        return 1
    if id(value) not in known:
        entries = [*value.keys(), *value.values()] if isinstance(value, Mapping) else value
        known[id(value)] = sum(_ENTRY_WEIGHT + _weight(entry, known) for entry in entries)
    return known[id(value)]


def _weighing(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)  # keeps jinja2's marks on the function
    def bounded(*args: object, **kwargs: object) -> object:
        for value in (*args, *kwargs.values()):
            weighed(value)
        return function(*args, **kwargs)

    return bounded


def _concatenate(parts: Iterable[Any]) -> str:
    return _join(parts)


def _join(value: Iterable[Any], d: str = "", attribute: str | None = None) -> str:
    parts = value if attribute is None else (part[attribute] for part in value)
    texts = [str(weighed(part)) for part in parts]
    _check_weight(sum(map(len, texts)) + len(d) * len(texts))
    return str(d).join(texts)


def _join_by(separator: str, parts: Iterable[Any]) -> str:
    return _join(parts, separator)


def _replace(s: object, old: str, new: str, count: int | None = None) -> str:
    text, old, new = str(s), str(old), str(new)
    _check_weight(len(text) + text.count(old) * max(len(new) - len(old), 0))
    return text.replace(old, new, -1 if count is None else count)


def _indent(s: object, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    prefix = width if isinstance(width, str) else " " * min(width, _MAX_INDENT)
    text = str(s)
    lines = text.splitlines()
    _check_weight(len(text) + len(lines) * len(prefix))
    return "\n".join(
        prefix + line if (line or blank) and (number or first) else line for number, line in enumerate(lines)
    )


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

    Characters for private use stay as they are: one of them marks what users wrote.
    """
    width = None if indent is None else min(indent, _MAX_INDENT)
    text = json.dumps(value, indent=width, ensure_ascii=False, separators=separators, sort_keys=sort_keys)
    return _TO_ESCAPE.sub(lambda match: json.dumps(match[0])[1:-1], text) if ensure_ascii else text


_BOUNDED_METHODS: dict[str, Callable[..., str]] = {"join": _join_by, "replace": _replace}


def _check_weight(weight: int) -> None:
    if weight > MAX_TEXT_CHARS:
        raise LimitExceeded(
            f"it makes a text or a list that is too large ({weight:,}; the limit is {MAX_TEXT_CHARS:,})"
        )


def _check_product(left: object, right: object) -> None:
    for value, times in ((left, right), (right, left)):
        if isinstance(value, (str, Sequence)) and isinstance(times, int):
            _check_weight(_weight(value, {}) * times)
    if isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() + right.bit_length())


def _check_power(base: object, exponent: object) -> None:
    if isinstance(base, int) and isinstance(exponent, int):
        _check_bits(base.bit_length() * abs(exponent))


def _check_bits(bits: int) -> None:
    if bits > _MAX_NUMBER_BITS:
        raise LimitExceeded(f"it computes with a number of {bits:,} bits")
