"""What every format of calls reads and is asked with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from agx.toolcalls.formats import Call

Schemas = Mapping[str, Mapping[str, Any]]
"""The JSON Schema of each tool's arguments, by the tool's name; a tool may be missing."""


class Found(NamedTuple):
    """A call, and where it stands in the text."""

    call: Call
    start: int
    stop: int


class Format(Protocol):
    """One format in which models write calls. `begins_with` are the texts that a call may begin with.

    Empty `begins_with` say that a call begins as the text does, with a bare object or a list.
    """

    @property
    def name(self) -> str:
        """The format's name."""
        ...

    @property
    def begins_with(self) -> tuple[str, ...]:
        """What tells that a call begins."""
        ...

    def read(self, text: str, schemas: Schemas) -> list[Found]:
        """Return the calls of a text in order, each with its place. One that breaks off is none."""
        ...

    def written(self, calls: Iterable[Call]) -> str:
        """Return the text of calls as the models of this format write them."""
        ...
