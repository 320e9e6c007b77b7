"""Names and references of a schema's parts, all as JSON pointers from its top.

A part may have an address (`$id`, or `id` in draft 4) and a name (`$anchor`), and references inside an
addressed part begin there. Whatever leads to a part of the same schema becomes `#/…`; then nothing needs the
addresses any more. References that lead out of the schema stay as they are, to be refused.

Source: sections 8 and 9 of json-schema.org/draft/2020-12/json-schema-core
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urldefrag, urljoin

from agx.tools.problems import pointer_steps
from agx.util.json_schema import Json, Schema, Way, pointer_step, subschemas

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_NAMES = frozenset(
    {"$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$schema", "$vocabulary", *_REFERENCES}
)


@dataclass(slots=True)
class _Addresses:
    """Where the addressed parts of a schema are, and the named ones."""

    parts: dict[str, Way] = field(default_factory=dict)
    names: dict[tuple[str, str], Way] = field(default_factory=dict)
    every: set[Way] = field(default_factory=set)


def with_pointers(schema: Schema) -> Schema:
    """Return the schema without addresses and names, and its references to itself as JSON pointers."""
    addresses = _Addresses()
    parts = [*_addressed(schema, (), "")]
    for way, part, base in parts:
        addresses.every.add(way)
        _note(part, way, base, addresses)
    addresses.parts[""] = ()
    references = {way: _reference(part, base, addresses) for way, part, base in parts}
    rewritten: Schema = _rewritten(schema, (), references)
    return rewritten


def _addressed(schema: Json, way: Way, outer: str) -> Iterator[tuple[Way, Schema, str]]:
    """Yield a schema and all in it, each with the way to it and the address that it stands under."""
    part = schema if isinstance(schema, dict) else {}
    base = _base(part, outer)
    yield way, part, base
    for step, inner in subschemas(part):
        yield from _addressed(inner, (*way, *step), base)


def _own_address(part: Schema) -> str:
    """Return the address of a part, "" without one; a plain `id` counts where it looks like one."""
    own = part.get("$id")
    if own is None:
        own = part.get("id")
        own = own if isinstance(own, str) and (own.startswith("#") or "/" in own or ":" in own) else None
    return own if isinstance(own, str) else ""


def _base(part: Schema, outer: str) -> str:
    own = _own_address(part)
    return outer if not own or own.startswith("#") else urldefrag(_joined(outer, own)).url


def _note(part: Schema, way: Way, base: str, addresses: _Addresses) -> None:
    own = _own_address(part)
    if own and not own.startswith("#"):
        addresses.parts.setdefault(base, way)
    names = [part.get("$anchor"), part.get("$dynamicAnchor"), own[1:] if own.startswith("#") else None]
    for name in names:
        if isinstance(name, str) and name:
            addresses.names.setdefault((base, name), way)


def _joined(base: str, reference: str) -> str:
    return base + reference if reference.startswith("#") else urljoin(base, reference)


def _reference(part: Schema, base: str, addresses: _Addresses) -> object:
    """Return the new `$ref` of a part; None without one."""
    given = next((part[key] for key in _REFERENCES if key in part), None)
    if not isinstance(given, str):
        return given
    target = _target(given, base, addresses)
    if target is None and base:  # some write the way from the top in an addressed part, too
        target = _target(given, "", addresses)
    if target is None or _is_pointer_to(given, target):
        return given
    return "#" + quote("".join(map(pointer_step, target)), safe="/~!$&'()*+,;=:@")


def _is_pointer_to(reference: str, way: Way) -> bool:
    """Return whether a reference is a JSON pointer from the top to this place already."""
    return reference.startswith("#") and unquote(reference[1:]) == "".join(map(pointer_step, way))


def _target(reference: str, base: str, addresses: _Addresses) -> Way | None:
    """Return the way to the schema that a reference leads to; None where it is not in here."""
    address, fragment = urldefrag(_joined(base, reference))
    if address not in addresses.parts:
        return None
    start, pointer = addresses.parts[address], unquote(fragment)
    if pointer[:1] not in {"", "/"}:
        return addresses.names.get((address, pointer))
    way = (*start, *pointer_steps(pointer))
    ways = (way, _of_2020(way))
    return next((each for each in ways if each in addresses.every), None)


def _of_2020(way: Way) -> Way:
    """Return a way of earlier drafts in the keywords of draft 2020-12."""
    former = {"additionalItems": "items", "dependencies": "dependentSchemas"}
    return tuple(
        "prefixItems" if step == "items" and then.isdecimal() else former.get(step, step)
        for step, then in zip(way, [*way[1:], ""], strict=False)
    )


def _rewritten(schema: Json, way: Way, references: dict[Way, object]) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(schema, dict):
        return schema
    kept = {key: _copied(value) for key, value in schema.items() if key not in _NAMES}
    if (reference := references.get(way)) is not None:
        kept["$ref"] = reference
    for step, inner in subschemas(schema):
        new = _rewritten(inner, (*way, *step), references)
        key, *name = step
        if not name:
            kept[key] = new
        elif isinstance(kept[key], list):
            kept[key][int(name[0])] = new
        else:
            kept[key][name[0]] = new
    return kept


def _copied(value: Json) -> Json:
    return [*value] if isinstance(value, list) else dict(value) if isinstance(value, dict) else value
