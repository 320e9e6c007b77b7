"""Reading a stream of server-sent events that was saved as a file, as an MCP server answers over HTTP.

The format is that of the HTML standard, section 9.2.6 "Interpreting an event stream", with one thing taken
more kindly: a last event that no blank line ends counts as well, since files are often saved without one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_LINE_END = re.compile(r"\r\n|\n|\r")
_FIELD = re.compile(r"(?:data|event|id|retry)(?::|$)|:")


def is_event_stream(text: str) -> bool:
    """Return whether the first line with anything in it is a field or a comment of an event stream."""
    first = next((line for line in _LINE_END.split(text) if line.strip()), "")
    return _FIELD.match(first) is not None


def events(text: str) -> Iterator[tuple[int, str]]:
    """Yield the data of each event that has any, and the number of the line where it begins, from 1."""
    data: list[str] = []
    begins_at = 0
    for number, line in enumerate([*_LINE_END.split(text), ""], start=1):
        if line.startswith("data:") or line == "data":
            begins_at = begins_at if data else number
            data.append(line.removeprefix("data").removeprefix(":").removeprefix(" "))
        elif not line and data:
            yield begins_at, "\n".join(data)
            data = []
