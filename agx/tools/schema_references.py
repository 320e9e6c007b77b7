"""References of a schema: each leads to a part of the same schema, and following them ends.

Nothing is ever fetched, so a reference out of the schema is refused. So is a circle of references that never
reaches a smaller value, and references that unfold to far more schemas than the file has, since a
validator would follow them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from urllib.parse import unquote

from agx.tools.plain import MAX_DEPTH
from agx.tools.problems import Place, Problems, pointer_steps, shown
from agx.util.json_schema import OF_THE_VALUE, Schema, Way, all_schemas, subschemas

PlaceOf = Callable[[tuple[str | int, ...]], Place]

MAX_UNFOLDED = 10_000
_HINT = "a schema refers to its own parts only: #/$defs/…"


def check_references(schema: Schema, place_of: PlaceOf, problems: Problems) -> None:
    """Refuse references that lead nowhere, out of the schema, in a circle, or to too many schemas.

    `place_of` returns the place of what a way leads to.
    """
    parts = dict(all_schemas(schema))
    num_before = problems.num_refused
    for way, part in parts.items():
        reference = part.get("$ref")
        if isinstance(reference, str) and _target(reference) not in parts:
            message = f"the schema refers to {shown(reference)}, which is no schema in it"
            problems.refuse(message, place_of((*way, "$ref")), hint=_HINT)
    if problems.num_refused == num_before:
        _check_unfolding({way: list(_leads(part, way)) for way, part in parts.items()}, place_of, problems)


def _target(reference: str) -> Way | None:
    """Return the way in a JSON pointer behind `#` (RFC 6901), or None for any other reference."""
    if not reference.startswith("#"):
        return None
    pointer = unquote(reference[1:])
    return pointer_steps(pointer) if pointer[:1] in {"", "/"} else None


def _leads(part: Schema, way: Way) -> Iterator[Way]:
    """Yield the schemas that validate the same value as this one."""
    if isinstance(part.get("$ref"), str):  # the meta-schema refuses anything else
        target = _target(part["$ref"])
        assert target is not None, "checked before"
        yield target
    yield from ((*way, *step) for step, _ in subschemas(part) if step[0] in OF_THE_VALUE)


def _check_unfolding(leads: Mapping[Way, Sequence[Way]], place_of: PlaceOf, problems: Problems) -> None:
    try:
        order = list(TopologicalSorter(leads).static_order())
    except CycleError as error:
        circle: list[Way] = error.args[1]
        message = "its references lead in a circle without looking at a part of the value"
        problems.refuse(
            message, place_of(circle[-1]), hint="let a schema refer to itself inside `properties` only"
        )
        return
    size: dict[Way, int] = {}
    depth: dict[Way, int] = {}
    for way in order:
        size[way] = 1 + sum(size[next_way] for next_way in leads[way])
        depth[way] = 1 + max((depth[next_way] for next_way in leads[way]), default=0)
        if size[way] > MAX_UNFOLDED or depth[way] > MAX_DEPTH:
            message = f"its references unfold to more than {MAX_UNFOLDED} schemas or {MAX_DEPTH} levels"
            problems.refuse(message, place_of(way), hint="refer to less")
            return
