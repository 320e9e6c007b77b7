"""Names and descriptions: nothing in them may be invisible, or act on a terminal or a prompt.

What cannot be seen can carry instructions to a model (tag characters), or turn what follows around
(bidirectional overrides).
"""

from __future__ import annotations

import unicodedata

from agx.tools.problems import Findings, Place, shown
from agx.util.visible import UNSAFE

MAX_NAME_CHARS = 128
_MAX_LISTED = 4
_VISIBLE = "use letters, digits and signs that can be seen"
# Cc controls, Cf formats, Cs halves of pairs, Co private use, Cn unassigned.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def is_unseen(character: str) -> bool:
    """Return whether a character is a control or cannot be seen; white space does not count."""
    if character.isspace():
        return False
    return unicodedata.category(character) in _UNSEEN or UNSAFE.match(character) is not None


def cleaned(text: str, place: Place, found: Findings) -> str:
    """Return a description as one line without what cannot be seen, and warn where that was there."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    unseen = [character for character in text if is_unseen(character)]
    if unseen:
        kinds = [f"U+{ord(one):04X}" for one in dict.fromkeys(unseen)]
        listed = ", ".join(kinds[:_MAX_LISTED]) + (", …" if len(kinds) > _MAX_LISTED else "")
        were = "character was" if len(unseen) == 1 else "characters were"
        found.warn(f"{len(unseen)} invisible {were} taken out: {listed}", place)
    return " ".join("".join(character for character in text if not is_unseen(character)).split())


def check_name(name: object, place: Place, found: Findings) -> bool:
    """Return whether this can be the name of a tool; refuse it otherwise."""
    if name is None:
        found.refuse("it has no name", place)
    elif not isinstance(name, str) or not name.strip():
        found.refuse(f"{shown(name)} is no name of a tool", place)
    elif len(name) > MAX_NAME_CHARS:
        message = f"the name {name[:20]!r}… has {len(name)} characters; {MAX_NAME_CHARS} are allowed"
        found.refuse(message, place, hint="give a shorter name")
    elif not _is_visible(name) or name != name.strip():
        found.refuse(f"{shown(name)} is no name of a tool: part of it cannot be seen", place, hint=_VISIBLE)
    else:
        return True
    return False


def check_parameter(name: str, place: Place, found: Findings) -> None:
    """Refuse a name inside a schema that cannot be seen as it is."""
    if not _is_visible(name):
        found.refuse(f"part of the name {shown(name)} cannot be seen", place, hint=_VISIBLE)


def _is_visible(name: str) -> bool:
    return not any(is_unseen(one) or (one.isspace() and one != " ") for one in name)
