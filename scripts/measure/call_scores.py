"""Whether calls are those that a case of the Berkeley Function-Calling Leaderboard accepts.

`gold` has for each wanted call a name and, for each parameter, the values that are accepted; `""` among them
says that the parameter may be missing. Several wanted calls may come in any order. Texts are compared without
case, spaces and the punctuation in which spellings differ; a whole number counts where a fraction is wanted.

Source: `ast_checker.py` of the leaderboard, github.com/ShishirPatil/gorilla.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Call = tuple[str, Mapping[str, Any]]
"""A tool's name and its arguments."""

_MISSING = ""
_LEFT_OUT = re.compile(r"[ ,./\-_*^]")


def are_right(calls: Sequence[Call], gold: Sequence[Mapping[str, Mapping[str, Any]]]) -> bool:
    """Return whether each wanted call is there once, and no other one."""
    if len(calls) != len(gold):
        return False
    left = list(calls)
    for wanted in gold:
        ((name, accepted),) = wanted.items()
        found = next((call for call in left if call[0] == name and _fits(call[1], accepted)), None)
        if found is None:
            return False
        left.remove(found)
    return True


def _fits(arguments: Mapping[str, Any], accepted: Mapping[str, Sequence[Any]]) -> bool:
    """Return whether each argument has an accepted value, and none is missing that has to be there."""
    return all(
        name in accepted and any(_is_same(value, each) for each in accepted[name])
        for name, value in arguments.items()
    ) and all(name in arguments or _MISSING in values for name, values in accepted.items())


def _is_same(value: object, accepted: object) -> bool:
    """Return whether a value is the accepted one; an object has a list of accepted values for each key."""
    if isinstance(accepted, str):
        return isinstance(value, str) and _plain(value) == _plain(accepted)
    if isinstance(accepted, Mapping):
        return isinstance(value, Mapping) and _fits(
            value, {key: each if isinstance(each, list) else [each] for key, each in accepted.items()}
        )
    if isinstance(accepted, list):
        return (
            isinstance(value, list)
            and len(value) == len(accepted)
            and all(_is_same(one, other) for one, other in zip(value, accepted, strict=True))
        )
    if isinstance(value, bool) or isinstance(accepted, bool):
        return value is accepted
    return value == accepted


def _plain(text: str) -> str:
    return _LEFT_OUT.sub("", text).lower().replace("'", '"')
