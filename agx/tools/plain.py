"""What files and programs hand over, made plain: JSON values, names and descriptions.

Values become plain JSON, bounded in depth. In names and descriptions nothing may be invisible, or act on a
terminal or a prompt: tag characters can carry instructions to a model, and bidirectional overrides
turn round what follows them.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping
from typing import Any

from agx.tools.problems import Place, Problems, shown
from agx.util.json_objects import Repeated, object_of_pairs
from agx.util.texts import UNSAFE

MAX_DEPTH = 64
# About what a double can hold; beyond it programs read different numbers.
_MAX_BITS = 1023
MAX_NAME_CHARS = 128
_MAX_LISTED = 4
_VISIBLE = "use letters, digits and signs that can be seen"
# Cc controls, Cf formats, Cs halves of pairs, Co private use, Cn unassigned.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def parse_json(text: str) -> object:
    """Parse JSON, with objects that know their repeated keys; raises `ValueError` and `RecursionError`."""
    return json.loads(text, object_pairs_hook=object_of_pairs)


def check_keys(value: Mapping[Any, Any], place: Place, problems: Problems) -> None:
    """Refuse repeated keys in an object."""
    for key in value.keys_again if isinstance(value, Repeated) else ():
        problems.refuse(f"the key {shown(key)} stands twice", place / key, hint="keep one of the two")


def plain(value: object, place: Place, problems: Problems, *, depth: int = 1) -> Any:  # noqa: ANN401 - JSON
    """Return a copy that is plain JSON; any other value is refused and becomes None."""
    match value:
        case None | bool():
            return value
        case int() | float():
            if not _is_number(value):
                hint = "write a finite number of ordinary size"
                problems.refuse(f"{shown(value)} is no number that a program could use", place, hint=hint)
            return value
        case str():
            if not value.isascii() and any("\ud800" <= one <= "\udfff" for one in value):
                problems.refuse("the text holds half of a character", place, hint="write valid Unicode")
            return value
        case dict() | list() | tuple() if depth > MAX_DEPTH:
            problems.refuse(f"it is nested deeper than {MAX_DEPTH} levels", place, hint="flatten the schema")
        case dict():
            check_keys(value, place, problems)
            return {
                _key(key, place, problems): plain(item, place / key, problems, depth=depth + 1)
                for key, item in value.items()
            }
        case list() | tuple():
            return [plain(item, place / at, problems, depth=depth + 1) for at, item in enumerate(value)]
        case _:
            hint = "write a text, a number, true or false, a list or an object"
            problems.refuse(f"{shown(value)} is no value of JSON", place, hint=hint)
    return None


def _is_number(value: float) -> bool:
    return value.bit_length() <= _MAX_BITS if isinstance(value, int) else math.isfinite(value)


def _key(key: object, place: Place, problems: Problems) -> str:
    if not isinstance(key, str):
        problems.refuse(f"the key {shown(key)} is no text", place, hint="keys of JSON are texts")
    else:
        plain(key, place / key, problems)
    return str(key)


def is_unseen(character: str) -> bool:
    """Return whether a character is a control or invisible; white space is neither."""
    if character.isspace():
        return False
    return unicodedata.category(character) in _UNSEEN or UNSAFE.match(character) is not None


def cleaned(text: str, place: Place, problems: Problems) -> str:
    """Return a description on one line without invisible characters, with a warning for those taken out."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    unseen = [character for character in text if is_unseen(character)]
    if unseen:
        kinds = [f"U+{ord(one):04X}" for one in dict.fromkeys(unseen)]
        listed = ", ".join(kinds[:_MAX_LISTED]) + (", …" if len(kinds) > _MAX_LISTED else "")
        were = "character was" if len(unseen) == 1 else "characters were"
        problems.warn(f"{len(unseen)} invisible {were} taken out: {listed}", place)
    return " ".join("".join(character for character in text if not is_unseen(character)).split())


def check_name(name: object, place: Place, problems: Problems) -> bool:
    """Return whether this can be the name of a tool; refuse it otherwise."""
    if name is None:
        problems.refuse("it has no name", place)
    elif not isinstance(name, str) or not name.strip():
        problems.refuse(f"{shown(name)} is no name of a tool", place)
    elif len(name) > MAX_NAME_CHARS:
        message = f"the name {name[:20]!r}… has {len(name)} characters; {MAX_NAME_CHARS} are allowed"
        problems.refuse(message, place, hint="give a shorter name")
    elif not _is_visible(name) or name != name.strip():
        problems.refuse(
            f"{shown(name)} is no name of a tool: part of it cannot be seen", place, hint=_VISIBLE
        )
    else:
        return True
    return False


def check_parameter(name: str, place: Place, problems: Problems) -> None:
    """Refuse a name inside a schema that has invisible characters."""
    if not _is_visible(name):
        problems.refuse(f"part of the name {shown(name)} cannot be seen", place, hint=_VISIBLE)


def _is_visible(name: str) -> bool:
    return not any(is_unseen(one) or (one.isspace() and one != " ") for one in name)
