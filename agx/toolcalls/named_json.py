"""Calls of a name and its arguments as a JSON object, with marks around them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from agx.plan.json_text import MAX_TEXT_CHARS
from agx.toolcalls.formats import Call
from agx.toolcalls.found import Found, Schemas
from agx.util.json_objects import object_of_pairs

_DECODER = json.JSONDecoder(object_pairs_hook=object_of_pairs)
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class NamedJson:
    """One such format.

    `opening` finds what stands before the arguments, with the name in a group of that name. `closing` is what
    follows them, which may be missing at the end of a text. `template` is how one call is written, and
    `around` what stands around all of them. A call begins with one of `begins_with`.
    """

    name: str
    opening: re.Pattern[str]
    closing: str
    template: str
    begins_with: tuple[str, ...]
    around: tuple[str, str] = ("", "")

    def read(self, text: str, schemas: Schemas) -> list[Found]:
        """Return the calls of a text in order, each with its place. One that breaks off is none."""
        del schemas  # JSON has types of its own
        found: list[Found] = []
        at = 0
        while len(text) <= MAX_TEXT_CHARS and (opening := self.opening.search(text, at)):
            try:
                arguments, end = _DECODER.raw_decode(text, opening.end())
            except (ValueError, RecursionError):
                at = opening.end()
                continue
            if not isinstance(arguments, dict):
                at = opening.end()
                continue
            after = _after(text, end)
            at = after + len(self.closing) if self.closing and text.startswith(self.closing, after) else end
            found.append(Found((opening["name"], arguments), opening.start(), at))
        return found

    def written(self, calls: Iterable[Call]) -> str:
        """Return the text of calls as the models of this format write them."""
        texts = (
            self.template.format(name=name, arguments=json.dumps(arguments, ensure_ascii=False), place=place)
            for place, (name, arguments) in enumerate(calls)
        )
        return self.around[0] + "".join(texts) + self.around[1]


def _after(text: str, at: int) -> int:
    """Return where the white space behind a place ends."""
    space = _SPACE.match(text, at)
    return at if space is None else space.end()
