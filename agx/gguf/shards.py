"""Models that are split into files named `…-00001-of-00003.gguf`: one model, whichever part is named."""

from __future__ import annotations

import re
from pathlib import Path

from agx.errors import ModelMissing
from agx.gguf.fields import Fields
from agx.gguf.reader import Header, read_header

MAX_SHARDS = 1000
_NAME = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.DOTALL)


def shards_of(header: Header) -> tuple[Header, ...]:
    """Give the headers of all parts in order, the given one among them; of a whole file only its own.

    Raises `ModelMissing` for a part that is not there, and `GgufInvalid` where the parts do not fit
    together.
    """
    fields = Fields(header)
    count = fields.integer("split.count")
    if count <= 1:
        return (header,)
    match = _NAME.fullmatch(header.path.name)
    if count > MAX_SHARDS:
        fields.fail("split.count", f"is {count}; {MAX_SHARDS} parts are possible")
    if match is None or int(match["count"]) != count:
        raise ModelMissing(
            f"{header.path} is one of {count} parts, and its name does not say so",
            hint=f"name the parts …-00001-of-{count:05}.gguf, as they were published",
        )
    parts = []
    for number in range(1, count + 1):
        path = header.path.with_name(f"{match['stem']}-{number:05}-of-{count:05}.gguf")
        part = header if path == header.path else _part(header, path)
        own = Fields(part)
        if own.integer("split.no") != number - 1 or own.integer("split.count") != count:
            own.fail("split.no", f"does not say that this is part {number} of {count}")
        parts.append(part)
    return tuple(parts)


def _part(header: Header, path: Path) -> Header:
    try:
        return read_header(path)
    except ModelMissing:
        raise ModelMissing(
            f"{header.path} is one part of a model, and {path.name} is missing",
            hint="put all parts into one folder",
        ) from None
