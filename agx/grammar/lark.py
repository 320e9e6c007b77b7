"""A JSON Schema as llguidance's grammar, with shared rules where llguidance's own compiler copies.

llguidance reads JSON Schema by itself, but copies a definition into every place that refers to it: the
schema of a plan with 300 tools and 10 tasks would become thousands of objects. Here equal parts are one
rule. The forms of `agx.grammar.schema_forms` become rules, with keys in the schema's order. Everything
else (types, patterns, numbers, open objects, …) is left to llguidance, as a `%json` rule.

Three properties of llguidance shape the grammar:

- A dynamic reference needs a parameter. It makes its rule parametric (`r7::_`), and so every rule that
  leads to it. A reference that binds it calls the rule with a number (`r7::3`), which selects what the
  dynamic reference stands for.
- The lexer takes the longest terminal and never goes back. So a terminal is one token of JSON, or a key
  with its colon, and none is the beginning of another that could stand in its place.
- Rules and schemas are followed recursively, on the stack of a thread, and running out of stack ends the
  process. So a depth is computed for every rule, and bounded.

Sources: docs/syntax.md, json_schema.md and parametric.md of https://github.com/guidance-ai/llguidance
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from agx.errors import ConstraintFailed
from agx.grammar import schema_forms as forms
from agx.grammar.definitions import Definitions, HasNoRuleError, check_depth, references, too_deep, values
from agx.grammar.schema_forms import Schema
from agx.util.json_schema import DEFINITIONS, Json

if TYPE_CHECKING:
    from agx.toolcalls.formats import Frame

_COMPACT = {"whitespace_flexible": False}
_OF_THE_WHOLE = frozenset({"$schema", "$id", "$defs", "x-guidance"})
_PARAMETER = "::_"
_DYNAMIC = "bound" + _PARAMETER
_RULE = re.compile(r"\br[0-9]+")
# llguidance needs 3 KB of stack for each level of rules, and a thread has at least 2 MB.
_MAX_DEPTH = 300
_MAX_IN_A_ROW = 32


def lark_grammar(schema: Schema) -> str | None:
    """Return the grammar of a compact schema; None for a schema that llguidance has to read by itself.

    Raises `ConstraintFailed` for a schema that is nested too deeply for either.
    """
    try:
        if schema.get("x-guidance") == _COMPACT:
            return _Writer(Definitions(schema)).grammar(schema)
    except HasNoRuleError:
        pass
    except RecursionError as error:
        raise too_deep() from error
    check_depth(schema, *values(schema.get("$defs")))
    return None


def lark_series(schema: Schema, items: Sequence[Schema], frames: Sequence[Frame]) -> str:
    """Return the grammar of one or more values in a row, in any of the frames.

    Each value fits the item at its place, and its JSON has a space after each comma and colon. `schema` has
    the definitions that the items refer to. Raises `ConstraintFailed` for schemas that are
    nested too deeply, or have parts that no rule can express.
    """
    try:
        return _Writer(Definitions(schema), space=" ").series(items, frames)
    except RecursionError as error:
        raise too_deep() from error
    except HasNoRuleError as error:
        reason = "a reference in it leads nowhere"
        hint = "use the dialect json"
        raise ConstraintFailed(
            f"the schema cannot be compiled: {reason}", hint=hint, reason=reason
        ) from error


class _Writer:
    """Writes expressions. One of more than a few characters becomes a rule; equal texts share a rule.

    `space` follows each comma and each colon of the JSON.
    """

    def __init__(self, definitions: Definitions, *, space: str = "") -> None:
        self._definitions = definitions
        self._comma, self._colon = f'",{space}"', f":{space}"
        self._spacing = _COMPACT | ({"item_separator": ", ", "key_separator": ": "} if space else {})
        self._parametric = definitions.leading_to_dynamic()
        self._bodies: dict[str, str] = {}
        self._rules: dict[str, str] = {}
        self._depths: dict[str, int] = {}
        self._recursive: set[str] = set()
        self._referred: dict[str, str] = {}
        self._open: set[str] = set()
        self._leaves: dict[str, str] = {}
        # What the one dynamic reference may stand for, by number.
        self._bound: list[Schema] = []
        self._anchors: set[str] = set()
        self._forms: tuple[tuple[Callable[[Schema], bool], Callable[[Schema], str]], ...] = (
            (forms.is_reference, lambda schema: self._reference(schema["$ref"])),
            (forms.is_dynamic, self._dynamic),
            (forms.is_binding, self._binding),
            (forms.is_constant, lambda schema: _literal(schema["const"])),
            (forms.is_choice, self._choice),
            (forms.is_closed_object, self._object),
            (forms.is_map, self._map),
            (forms.is_list, self._list),
            (forms.is_tuple, self._tuple),
        )

    def grammar(self, schema: Schema) -> str:
        """Return the grammar of a whole schema, rule by rule."""
        return self._whole(
            self.value({key: value for key, value in schema.items() if key not in _OF_THE_WHOLE})
        )

    def series(self, items: Sequence[Schema], frames: Sequence[Frame]) -> str:
        """Return the grammar of values in a row, rule by rule."""
        values = [self.value(item) for item in items]
        return self._whole(" | ".join(self._framed(values, frame) for frame in frames))

    def _framed(self, values: Sequence[str], frame: Frame) -> str:
        start, before, after, between, end = map(
            _text, (frame.start, frame.before, frame.after, frame.between, frame.end)
        )
        rest = ""
        for value in reversed(values[1:]):
            rest = self._rule(f"({_in_a_row(between, before, value, after, rest)})?")
        return self._rule(_in_a_row(start, before, values[0], after, rest, end))

    def _whole(self, start: str) -> str:
        if len(self._anchors) > 1:
            raise HasNoRuleError  # a number cannot say what two names are bound to
        bound = [f"{self.value(each)} %if eq(_, {number})" for number, each in enumerate(self._bound)]
        # A path downwards passes each recursive rule once.
        deepest = max(self._depths.values(), default=0)
        if deepest + sum(self._depths[name] for name in self._recursive) > _MAX_DEPTH:
            raise too_deep()
        lines = [f"start: {start}", *(f"{name}: {body}" for name, body in self._bodies.items())]
        return "\n".join([*lines, f"{_DYNAMIC}: {' | '.join(bound)}"] if bound else lines)

    def value(self, schema: Json) -> str:
        """Return the expression of a value."""
        if schema is True:
            return self.value({})
        for has_form, written in self._forms:
            if has_form(schema):
                return written(schema)
        text = json.dumps(schema)
        if text not in self._leaves:
            self._leaves[text] = self._rule(self._json(schema))
        return self._leaves[text]

    def _new_name(self, *, is_parametric: bool) -> str:
        return f"r{len(self._bodies)}{_PARAMETER if is_parametric else ''}"

    def _rule(self, body: str) -> str:
        """Return the name of the rule with this text."""
        if body not in self._rules:
            name = self._new_name(is_parametric=_PARAMETER in body)
            self._rules[body] = name
            self._write(name, body)
        return self._rules[body]

    def _write(self, name: str, body: str) -> None:
        """Write a rule; its depth is one more than that of the deepest rule in it."""
        self._bodies[name] = body
        mentioned = [] if body.startswith("%json") else _RULE.findall(body)
        below = (self._depths.get(each, 0) for each in mentioned)
        self._depths[_RULE.findall(name)[0]] = 1 + max(below, default=0)

    def _reference(self, reference: str) -> str:
        """Return the expression of a definition, or a rule where the definition is recursive."""
        local = self._definitions.local(reference)
        if local in self._open and local not in self._referred:
            self._referred[local] = self._new_name(is_parametric=local in self._parametric)
            self._bodies[self._referred[local]] = ""
        if local not in self._referred:
            self._open.add(local)
            expression = self.value(self._definitions.definition(local))
            self._open.remove(local)
            if local in self._referred:
                self._write(self._referred[local], expression)
                self._recursive.update(_RULE.findall(self._referred[local]))
            else:
                self._referred[local] = expression
        return self._referred[local]

    def _binding(self, schema: Schema) -> str:
        """Return a call of the referenced rule with the number of what is bound."""
        [bound] = schema["$defs"].values()
        self._bound.append({key: value for key, value in bound.items() if key != "$dynamicAnchor"})
        self._anchors.add("#" + bound["$dynamicAnchor"])
        if self._open:
            raise HasNoRuleError  # the outer binding would hold, not this one
        name = self._reference(schema["$ref"])
        return name.replace(_PARAMETER, f"::{len(self._bound) - 1}")

    def _dynamic(self, schema: Schema) -> str:
        self._anchors.add(schema["$dynamicRef"])
        return _DYNAMIC

    def _choice(self, schema: Schema) -> str:
        alternatives = tuple(dict.fromkeys(self.value(each) for each in schema["anyOf"]))
        return alternatives[0] if len(alternatives) == 1 else self._rule(" | ".join(alternatives))

    def _object(self, schema: Schema) -> str:
        """Return the members with commas between them; those that are not required may be missing."""
        required = schema.get("required", ())
        members = [
            f"{_literal(name, end=self._colon)} {self.value(part)}"
            for name, part in schema["properties"].items()
        ]
        is_required = [name in required for name in schema["properties"]]
        if True not in is_required:
            return self._rule(f'"{{" {self._any_in_order(members)} "}}"')
        first = is_required.index(True)
        before = [f"({member} {self._comma})?" for member in members[:first]]
        after = [
            f"{self._comma} {member}" if needed else f"({self._comma} {member})?"
            for member, needed in zip(members[first + 1 :], is_required[first + 1 :], strict=True)
        ]
        last = len(is_required) - 1 - first - is_required[::-1].index(True)
        # Many objects have the same end, as all tasks do.
        end = self._rule(" ".join([*after[last:], '"}"']))
        return self._rule(" ".join(['"{"', *before, members[first], *after[:last], end]))

    def _any_in_order(self, members: Sequence[str]) -> str:
        """Return an expression for any of the members in order, or none, with commas between."""
        starts: list[str] = []
        rest = ""
        step = 1 + len(members) // _MAX_IN_A_ROW
        for number, member in enumerate(reversed(members), start=1):
            starts.append(f"{member} {rest}".rstrip())
            rest = f"({self._comma} {member})? {rest}".rstrip()
            if number % step == 0:
                rest = self._rule(rest)
        return f"({' | '.join(reversed(starts))})?" if starts else ""

    def _map(self, schema: Schema) -> str:
        colon = _text(self._colon)
        member = f"{self.value({'type': 'string'})} {colon} {self.value(schema['additionalProperties'])}"
        return self._rule(f'"{{" ({member} ({self._comma} {member})*)? "}}"')

    def _list(self, schema: Schema) -> str:
        at_least, at_most = schema.get("minItems", 0), schema.get("maxItems")
        if at_most == 0:
            return self._rule('"[" "]"')
        items = item = self.value(schema["items"])
        if at_most != 1:
            most = "" if at_most is None else at_most - 1
            items = f"{item} ({self._comma} {item}){{{max(0, at_least - 1)},{most}}}"
        return self._rule(f'"[" {items} "]"' if at_least else f'"[" ({items})? "]"')

    def _tuple(self, schema: Schema) -> str:
        at_least, rest = schema.get("minItems", 0), ""
        for position, item in reversed([*enumerate(schema["prefixItems"])]):
            comma = f"{self._comma} " if position else ""
            one = f"{comma}{self.value(item)} {rest}".rstrip()
            rest = self._rule(one if position < at_least else f"({one})?")
        return self._rule(f'"[" {rest} "]"')

    def _json(self, schema: Schema) -> str:
        """Return a rule that leaves a schema to llguidance, with the definitions that it refers to."""
        needed: dict[str, Any] = {}
        waiting: list[Json] = [schema]
        while waiting:
            named, is_dynamic = references(waiting.pop())
            if is_dynamic:
                raise HasNoRuleError
            for reference in named:
                name = reference.removeprefix(DEFINITIONS)
                if name not in needed:
                    needed[name] = self._definitions.definition(reference)
                    waiting.append(needed[name])
        check_depth(schema, *needed.values())
        whole = {**schema, "$defs": needed} if needed else schema
        text = json.dumps({**whole, "x-guidance": self._spacing}, separators=(",", ":"))
        return "%json " + _without_parameters(text)


@lru_cache(maxsize=1024, typed=True)
def _literal(value: str | int | None, *, end: str = "") -> str:
    """Return the terminal of a value with one spelling; the grammar itself is ASCII."""
    return _text(json.dumps(value, ensure_ascii=False) + end)


def _in_a_row(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _text(text: str) -> str:
    """Return the terminal of a text, "" for none."""
    return _without_parameters(json.dumps(text).replace("\x7f", "\\u007f")) if text else ""


def _without_parameters(text: str) -> str:
    """Escape what looks like a parameter; two colons occur inside strings only."""
    return text.replace("::", ":\\u003a")
