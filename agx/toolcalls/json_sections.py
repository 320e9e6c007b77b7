"""Calls as objects of JSON, alone or in a list, behind a mark that tells them from other JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from agx.errors import PlanInvalid
from agx.toolcalls.formats import Call
from agx.toolcalls.found import Found, Schemas
from agx.toolcalls.reading import calls_in


@dataclass(frozen=True, slots=True)
class JsonSections:
    """One such format: the keys of a call, and what stands around the calls.

    With an empty `start` the calls stand at the beginning of the text. `end` may be missing at its end.
    """

    name: str
    start: str
    end: str = ""
    before: str = ""
    after: str = ""
    between: str = ", "
    name_key: str = "name"
    arguments_key: str = "arguments"

    @property
    def begins_with(self) -> tuple[str, ...]:
        """What tells that a call begins: the mark, or without one an object or a list."""
        mark = (self.start + self.before).rstrip("[\n{ ")
        return (mark,) if mark else ()

    def read(self, text: str, schemas: Schemas) -> list[Found]:
        """Return the calls of a text in order, each with its place. One that breaks off is none."""
        del schemas  # JSON has types of its own
        found: list[Found] = []
        mark = "".join(self.begins_with)
        end_mark = (self.after + self.end).lstrip("]\n ")
        start = text.find(mark)
        while start >= 0:
            following = text.find(mark, start + 1) if mark else -1
            stop = len(text) if following < 0 else following
            closed = text.find(end_mark, start + len(mark), stop) if end_mark else -1
            if closed >= 0:
                stop = closed + len(end_mark)
            found += [Found(call, start, stop) for call in _calls(text[start:stop])]
            start = following
        return found

    def written(self, calls: Iterable[Call]) -> str:
        """Return the text of calls as the models of this format write them."""
        texts = (
            json.dumps({self.name_key: name, self.arguments_key: arguments}, ensure_ascii=False)
            for name, arguments in calls
        )
        inside = self.between.join(self.before + text + self.after for text in texts)
        return self.start + inside + self.end


def _calls(text: str) -> list[Call]:
    try:
        return calls_in(text)
    except PlanInvalid:  # it breaks off
        return []
