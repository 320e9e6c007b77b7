"""Objects of JSON that know which of their keys stood twice. JSON itself keeps the last one silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any


class Repeated(dict[str, Any]):
    """A JSON object with repeated keys, which `keys_again` lists."""

    keys_again: tuple[str, ...] = ()


def object_of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of `json`'s `object_pairs_hook`."""
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    repeated = Repeated(value)
    repeated.keys_again = tuple(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
    return repeated


def keys_again(value: object) -> Iterator[str]:
    """Yield the keys that stood twice in an object, anywhere in a value, which may contain itself."""
    waiting, seen = [value], set[int]()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, Repeated):
            yield from part.keys_again
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
