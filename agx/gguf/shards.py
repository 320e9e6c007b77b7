"""Models split into files named `…-00001-of-00003.gguf`: any part stands for the whole model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from agx.errors import ModelMissing
from agx.gguf.fields import Fields
from agx.gguf.reader import MAX_TENSORS, Header, read_header
from agx.gguf.source import invalid

MAX_SHARDS = 1000
_NAME = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.DOTALL)


def shards_of(header: Header) -> tuple[Header, ...]:
    """Return the headers of all parts in order, the given one among them; of a whole file only its own.

    Raises `ModelMissing` for a missing part, and `GgufInvalid` for parts that do not fit together.
    """
    fields = Fields(header)
    count = fields.integer("split.count")
    if count <= 1:
        return (header,)
    match = _NAME.fullmatch(header.path.name)
    if count > MAX_SHARDS:
        fields.fail("split.count", f"is {count}; {MAX_SHARDS} parts are possible")
    if match is None or int(match["count"]) != count or not 1 <= int(match["number"]) <= count:
        raise ModelMissing(
            f"{header.path} is one of {count} parts, and its name does not say so",
            hint=f"name the parts …-00001-of-{count:05}.gguf, as they were published",
        )
    parts = []
    for number, path in enumerate(_paths(header.path, match), start=1):
        part = header if path == header.path else _part(header, path)
        own = Fields(part)
        if own.integer("split.no") != number - 1 or own.integer("split.count") != count:
            own.fail("split.no", f"does not say that this is part {number} of {count}")
        parts.append(part)
        if sum(len(each.tensors) for each in parts) > MAX_TENSORS:
            own.fail("split.no", f"brings the tensors to more than {MAX_TENSORS:,}")
    _check_tensors(parts)
    return tuple(parts)


def part_paths(path: Path) -> tuple[Path, ...]:
    """Return a model's files by name: all parts in order where they exist, otherwise `path`."""
    match = _NAME.fullmatch(path.name)
    if match is None or int(match["count"]) > MAX_SHARDS:
        return (path,)
    paths = tuple(_paths(path, match))
    return paths if path in paths and all(part.is_file() for part in paths) else (path,)


def _paths(path: Path, match: re.Match[str]) -> Iterator[Path]:
    for number in range(1, int(match["count"]) + 1):
        yield path.with_name(f"{match['stem']}-{number:05}-of-{match['count']}.gguf")


def _check_tensors(parts: Sequence[Header]) -> None:
    """Refuse a tensor in two parts, and a number of tensors other than the first part says."""
    names: set[str] = set()
    for part in parts:
        for tensor in part.tensors:
            if tensor.name in names:
                offset = part.data_offset + tensor.offset
                raise invalid(
                    part.path, f"the tensor {tensor.name}", "stands in another part, too", offset=offset
                )
            names.add(tensor.name)
    first = Fields(parts[0])
    if first.has("split.tensors.count") and first.integer("split.tensors.count") != len(names):
        first.fail("split.tensors.count", f"is not {len(names):,}, which is how many there are in all parts")


def _part(header: Header, path: Path) -> Header:
    try:
        return read_header(path)
    except ModelMissing:
        raise ModelMissing(
            f"{header.path} is one part of a model, and {path.name} is missing",
            hint="put all parts into one folder",
        ) from None
