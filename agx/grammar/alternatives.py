"""Objects that require one of several sets of names: `anyOf` and `oneOf` of `{"required": […]}`.

They are written as alternatives, each a closed object, so that the constraint holds them exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Schema = dict[str, Any]

_DESCRIBES = frozenset({"title", "description", "$comment", "type"})


def names_required(branches: object) -> list[frozenset[str]] | None:
    """Return the names that each branch requires; None where one of them says anything else."""
    if not isinstance(branches, list | tuple) or not branches:
        return None
    found = []
    for branch in branches:
        if not isinstance(branch, Mapping) or branch.get("type", "object") != "object":
            return None
        if branch.keys() - _DESCRIBES != {"required"}:
            return None
        found.append(frozenset(branch["required"]))
    return found


def exclusive_objects(written: Schema, required: Sequence[frozenset[str]], *, is_one: bool) -> Schema | None:
    """Return the alternatives of a closed object, each of which requires one more set of names.

    With `is_one` an alternative lacks what the other sets have beside its own, so that no two fit. None
    where a required name is not among the properties, or where no alternative is left.
    """
    properties, always = written["properties"], written.get("required", [])
    if not all(names <= properties.keys() for names in required):
        return None
    alternatives = []
    for at, names in enumerate(required):
        needed = names | frozenset(always)
        others = [*required[:at], *required[at + 1 :]] if is_one else []
        if not any(other <= needed for other in others):
            missing = frozenset[str]().union(*others) - needed
            kept = {name: part for name, part in properties.items() if name not in missing}
            named = [name for name in properties if name in needed]
            alternatives.append(written | {"properties": kept, "required": named})
    if not alternatives:
        return None
    return alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives}
