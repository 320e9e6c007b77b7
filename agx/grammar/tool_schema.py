"""A tool's JSON Schema as definitions of the plan's schema, in which outputs may replace values.

A value inside `arguments` may be `{"task": n}`, the output of an earlier task. So wherever exactly one schema
describes a value, it becomes "the value, or an output". There are exceptions:

- `arguments` itself, and a constant, which an output could only repeat;
- a value inside `oneOf`, inside an object with both listed and other names, or described by several schemas
  at once (`allOf`, `$ref` with neighbours). There the change would affect more than the value, so only
  the value as a whole may be an output.

An object that lists its properties and has no rule for others is closed, so that a model writes the names
that the tool has. `oneOf` becomes `anyOf`. What the constraint cannot hold is left out, as
`agx.grammar.held_keywords` says, and so is what no value fits: a branch, or a property that may be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from agx.errors import RegistryInvalid
from agx.grammar.alternatives import exclusive_objects, names_required
from agx.grammar.disjoint import are_disjoint
from agx.grammar.held_keywords import Unheld, held_keywords, held_pattern
from agx.grammar.names_by_pattern import Moved, with_few_names
from agx.grammar.negations import without_negation
from agx.grammar.never import Blame, Never
from agx.grammar.property_names import with_held_names
from agx.grammar.schema_forms import has_parts, is_closed_object
from agx.util.json_schema import BY_NAME, DEFINITIONS, OF_PARTS, OF_THE_VALUE, Json, pointer_step

Schema = dict[str, Any]

_CLOSABLE = frozenset("type properties required additionalProperties".split())

_Rewrite = Callable[[object, str], Json]


def tool_definitions(
    tool: str,
    schema: Mapping[str, Any],
    *,
    name: str,
    output: Schema | None = None,
    left_out: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the definitions that a tool's arguments need; the one called `name` is the whole object.

    `output` is the schema of `{"task": n}`, None for the first task. `left_out` are JSON pointers to
    keywords that the constraint has to do without. Raises `RegistryInvalid` for arguments that are not
    an object or that cannot be, for a dangling reference, and for schemas nested too deeply.
    """
    definitions, _ = held_definitions(tool, schema, name=name, output=output, left_out=left_out)
    return definitions


def held_definitions(
    tool: str,
    schema: Mapping[str, Any],
    *,
    name: str,
    output: Schema | None = None,
    left_out: Iterable[str] = (),
) -> tuple[dict[str, Any], Unheld]:
    """Return what `tool_definitions` does, and which keywords of the schema these do not hold."""
    types = schema.get("type", "object")
    if "object" not in ([types] if isinstance(types, str) else types):
        raise refusal(tool, "/type", "arguments are an object", keyword="type")
    unheld = Unheld(left_out=dict.fromkeys(left_out))
    try:
        return _Rewriting(tool, schema, name=name, output=output, unheld=unheld).run(), unheld
    except RecursionError as error:
        raise refusal(tool, "", "it is nested too deeply", keyword="") from error


def refusal(tool: str, pointer: str, reason: str, *, keyword: str) -> RegistryInvalid:
    """Return the error for a tool whose schema cannot be used; pointer and keyword "" mean all of it."""
    what = f"`{keyword}` at {pointer}" if keyword else "it"
    return RegistryInvalid(
        f"the schema of the tool {tool!r} cannot be compiled because of {what}: {reason}",
        hint=f"describe the arguments without this `{keyword}`" if keyword else "simplify the schema",
        tool=tool,
        pointer=pointer,
        keyword=keyword,
    )


class _Rewriting:
    """One tool's schema on its way into the plan's; `where` is a JSON pointer into the original.

    A part is `alone` where no other schema describes the same value; only then it may be changed.
    """

    def __init__(
        self, tool: str, root: Mapping[str, Any], *, name: str, output: Schema | None, unheld: Unheld
    ) -> None:
        self._tool, self._root, self._name, self._output = tool, root, name, output
        self._unheld = unheld
        self._never = Never(self._led_to)
        self._names: dict[tuple[str, bool], str] = {}
        self._waiting: list[tuple[str, object, str, bool]] = []

    def run(self) -> dict[str, Any]:
        """Return the definitions: the whole schema first, then what it refers to."""
        definitions = {}
        whole = {**self._root, "type": "object"}
        if (blame := self._never.blame(whole, "")) is not None:
            raise self._impossible([*self._never.blames_of_object(whole, "")] or [blame])
        self._definition("", whole, alone=True)
        while self._waiting:
            name, schema, where, alone = self._waiting.pop()
            written = self._schema(schema, where, alone=alone)
            definitions[name] = written if isinstance(written, Mapping) else {} if written else {"enum": []}
        return definitions

    def _definition(self, where: str, schema: object, *, alone: bool) -> str:
        """Return the name of a part's definition, which `run` writes later."""
        if (where, alone) not in self._names:
            name = f"{self._name}_{len(self._names)}" if self._names else self._name
            self._names[where, alone] = name
            self._waiting.append((name, schema, where, alone))
        return self._names[where, alone]

    def _schema(self, schema: object, where: str, *, alone: bool) -> Json:
        if isinstance(schema, Moved):
            return self._schema(schema.schema, schema.where, alone=alone)
        if not isinstance(schema, Mapping):
            return schema
        for key in ("$id", "$dynamicRef", "$recursiveRef"):
            if key in schema and (where or key != "$id"):
                reason = "references are followed from the top of the schema only"
                raise refusal(self._tool, f"{where}/{key}", reason, keyword=key)
        if self._never.blame(schema, where) is not None:
            return False
        plain = without_negation(schema)
        named = with_held_names(plain, where, lambda reference: self._led_to(reference)[1])
        kept = with_few_names(held_keywords(named, where, self._unheld), where)
        if kept.keys() == {"allOf"} and _is_single(kept["allOf"]):
            return self._schema(kept["allOf"][0], where + "/allOf/0", alone=alone)
        if alone:
            kept = self._without_type(kept, where)
        choice = next((key for key in ("anyOf", "oneOf") if key in kept), "")
        if alone and choice and names_required(kept[choice]) is not None:
            written = self._of_exclusive(kept, choice, where)
            if written is not None:
                return written
        return self._written(self._with_any_of(kept, where), where, alone=alone)

    def _written(self, kept: Schema, where: str, *, alone: bool) -> Schema:
        """Return the held keywords of a schema, each rewritten."""
        if alone and _may_be_closed(kept):
            kept = {**kept, "additionalProperties": False}
        may_change = (alone and has_parts(_possible(kept)), alone and len(kept) == 1)
        written = {}
        for key, value in kept.items():
            # What was `oneOf` is written as `anyOf`, and keeps its place in the tool's schema.
            at = where + pointer_step("oneOf" if isinstance(value, _OneOf) else key)
            written[key] = self._keyword(key, value, at, may_change)
        return _possible(written)

    def _with_any_of(self, kept: Schema, where: str) -> Schema:
        """Return the keywords with `anyOf` for `oneOf`; beside another `anyOf` it is left out."""
        if "oneOf" not in kept:
            return kept
        others = {key: value for key, value in kept.items() if key != "oneOf"}
        if "anyOf" in others:
            self._unheld.left_out[where + "/oneOf"] = None
            return others
        parts = kept["oneOf"]
        if not are_disjoint(parts, lambda reference: self._led_to(reference)[1]):
            self._unheld.approximated[where + "/oneOf"] = None
        return {
            ("anyOf" if key == "oneOf" else key): _OneOf(value) if key == "oneOf" else value
            for key, value in kept.items()
        }

    def _of_exclusive(self, kept: Schema, choice: str, where: str) -> Schema | None:
        """Return an object of which any, or exactly one, of several sets of names is required."""
        others = {key: value for key, value in kept.items() if key != choice}
        written = self._written(others, where, alone=True)
        if not is_closed_object(written):
            return None
        return exclusive_objects(written, names_required(kept[choice]) or (), is_one=choice == "oneOf")

    def _keyword(self, key: str, value: Json, where: str, may_change: tuple[bool, bool]) -> Json:
        """Return a keyword's rewritten value.

        `may_change` says whether schemas of parts, and schemas of the value itself, may be changed.
        """
        of_parts, of_the_value = may_change
        if key == "$ref":
            return self._reference(value, where, alone=of_the_value)
        if key == "patternProperties":
            return self._pattern_properties(value, where, alone=of_parts)
        if key in OF_PARTS:
            return _each(key, value, where, lambda part, at: self._value(part, at, alone=of_parts))
        if key in OF_THE_VALUE:
            alone = of_the_value and key == "anyOf"
            parts = _each(key, value, where, lambda part, at: self._schema(part, at, alone=alone))
            is_choice = key == "anyOf" and isinstance(parts, list)
            return [part for part in parts if part is not False] if is_choice else parts
        return value

    def _pattern_properties(self, patterns: Mapping[str, object], where: str, *, alone: bool) -> Schema:
        """Return the schemas of names by pattern, with the patterns in the constraint's syntax."""
        written: Schema = {}
        for pattern, part in patterns.items():
            held = held_pattern(pattern)
            at = where + pointer_step(pattern)
            if not held.is_exact:
                self._unheld.approximated[at] = None
            value = self._value(part, at, alone=alone)
            written[held.text] = {"allOf": [written[held.text], value]} if held.text in written else value
        return written

    def _without_type(self, schema: Schema, where: str) -> Schema:
        """Return the schema without a type that the keywords beside it repeat, or may repeat."""
        kind = schema.get("type")
        if schema.keys() == {"type", "$ref"}:
            _, target = self._target(schema["$ref"], where + "/$ref")
            if isinstance(target, Mapping) and target.get("type") == kind:
                return {"$ref": schema["$ref"]}
        elif schema.keys() == {"type", "anyOf"} and isinstance(schema["anyOf"], list):
            parts = [part for part in schema["anyOf"] if isinstance(part, Mapping)]
            if len(parts) == len(schema["anyOf"]) and all(part.get("type", kind) == kind for part in parts):
                return {"anyOf": [{"type": kind, **part} for part in parts]}
        return schema

    def _value(self, schema: object, where: str, *, alone: bool) -> object:
        """Return the schema of a part of a value, or of the part or an output where that is allowed."""
        value = self._schema(schema, where, alone=alone)
        if self._output is None or not alone or not _may_be_output(value):
            return value
        alternatives = value["anyOf"] if value.keys() == {"anyOf"} else [value]
        return {"anyOf": [*alternatives, self._output]}

    def _reference(self, reference: object, where: str, *, alone: bool) -> str:
        """Return the reference to a part's definition; parts that only refer on are skipped."""
        passed: set[str] = set()
        while True:
            pointer, target = self._target(reference, where)
            if pointer in passed:
                raise self._dead_end(where, reference, "refers to nothing but itself")
            passed.add(pointer)
            if not isinstance(target, Mapping) or target.keys() != {"$ref"}:
                return DEFINITIONS + self._definition(pointer, target, alone=alone)
            reference = target["$ref"]

    def _led_to(self, reference: object) -> tuple[str, object]:
        """Return what `_target` does, and anything for a reference that leads nowhere."""
        try:
            return self._target(reference, "")
        except RegistryInvalid:
            return "", True

    def _target(self, reference: object, where: str) -> tuple[str, object]:
        """Return the part of the schema that a JSON pointer behind `#` leads to."""
        pointer = unquote(reference[1:]) if isinstance(reference, str) else ""
        target: object = self._root
        if isinstance(reference, str) and reference.startswith("#") and pointer[:1] in {"", "/"}:
            for step in pointer.split("/")[1:]:
                target = _child(target, step.replace("~1", "/").replace("~0", "~"))
            if isinstance(target, Mapping | bool):
                return pointer, target
        raise self._dead_end(where, reference, "does not lead to a part of the schema")

    def _impossible(self, blames: Sequence[Blame]) -> RegistryInvalid:
        """Return the error about the first place where nothing fits; `details` has all of them."""
        errors = [
            refusal(self._tool, pointer, "no value fits, and one is required", keyword=keyword)
            for pointer, keyword in dict.fromkeys(blames)
        ]
        errors[0].details["all"] = tuple((error.details["pointer"], error.message) for error in errors)
        errors[0].hint = "let a value fit, or do not require one"
        return errors[0]

    def _dead_end(self, where: str, reference: object, why: str) -> RegistryInvalid:
        return refusal(self._tool, where, f"{reference!r:.80} {why}", keyword="$ref")


class _OneOf(list[Json]):
    """The branches of a `oneOf` that is written as `anyOf`."""


def _possible(schema: Schema) -> Schema:
    """Return a closed object without the properties that no value fits; they are not required."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or schema.get("additionalProperties") is not False:
        return schema
    possible = {name: part for name, part in properties.items() if part is not False}
    return schema | {"properties": possible} if "patternProperties" not in schema else schema


def _may_be_closed(schema: Mapping[str, Any]) -> bool:
    """Return whether an object lists its properties, the required ones among them, and no rule for others."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not schema.keys() <= _CLOSABLE:
        return False
    names_required = all(name in properties for name in schema.get("required", ()))
    return names_required and schema.get("additionalProperties", True) is True


def _may_be_output(schema: object) -> bool:
    """Return whether offering an output makes sense: not for a constant, nor where any object fits."""
    if not isinstance(schema, Mapping) or not schema or schema == {"type": "object"}:
        return False
    return "const" not in schema and not _is_single(schema.get("enum"))


def _is_single(values: object) -> bool:
    return isinstance(values, list | tuple) and len(values) == 1


def _each(key: str, value: object, where: str, rewrite: _Rewrite) -> Json:
    """Return a keyword's value with each schema rewritten: one, a list of them, or several by name."""
    if isinstance(value, list | tuple):
        return [rewrite(part, f"{where}/{index}") for index, part in enumerate(value)]
    if key in BY_NAME and isinstance(value, Mapping):
        return {name: rewrite(part, where + pointer_step(name)) for name, part in value.items()}
    return rewrite(value, where)


def _child(part: object, step: str) -> object:
    if isinstance(part, Mapping):
        return part.get(step)
    if isinstance(part, list | tuple) and step.isdecimal() and len(step) < 7 and int(step) < len(part):
        return part[int(step)]
    return None
