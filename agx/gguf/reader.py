"""The header of a GGUF file: metadata and the table of tensors, with a bound on everything.

The file is untrusted. Every count is checked against the rest of the file before memory is taken for it, and
whatever llama.cpp is known to abort on is refused. Large arrays stay in the file; the header knows where
they are, and reads them on demand.

GgufSource: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import NoReturn

from agx.gguf.metadata import Array, Value, read_metadata
from agx.gguf.source import COUNT, LENGTH, MAGIC, GgufSource, invalid, open_gguf
from agx.gguf.types import SCALARS, STRING, TENSOR_TYPES, TensorType
from agx.util.frozen import dataclass

VERSIONS = (2, 3)
DEFAULT_ALIGNMENT = 32
MAX_METADATA_KEYS = 16_384
MAX_TENSORS = 65_536
MAX_TENSOR_NAME_BYTES = 63  # ggml keeps names in 64 bytes, the last of them zero
MAX_DIMENSIONS = 4
MAX_ALIGNMENT = 1 << 20


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: `shape` has the fastest dimension first, `offset` counts from the start of the data."""

    name: str
    shape: tuple[int, ...]
    type: TensorType
    offset: int
    size_bytes: int

    @property
    def num_items(self) -> int:
        """The number of weights."""
        items = 1
        for size in self.shape:
            items *= size
        return items


@dataclass(frozen=True, slots=True)
class Header:
    """The header of one file, with the offsets of its keys (`places`) and of its tensors' data."""

    path: Path
    version: int
    metadata: Mapping[str, Value] = field(repr=False)
    tensors: tuple[Tensor, ...] = field(repr=False)
    data_offset: int
    size_bytes: int
    places: Mapping[str, int] = field(repr=False)

    def strings(self, key: str) -> list[bytes]:
        """Return the bytes of each string in an array, such as token texts; empty without the array.

        Raises `GgufInvalid` where the array holds something else, or the file has changed.
        """
        value = self.metadata.get(key)
        if isinstance(value, tuple):
            texts = [item.encode("utf-8", "surrogateescape") for item in value if isinstance(item, str)]
            return texts if len(texts) == len(value) else self._fail(key, "is no list of texts")
        if not isinstance(value, Array):
            return []
        if value.texts is not None:
            return value.texts
        if value.type != STRING:
            self._fail(key, "is no list of texts")
        with self._items(value) as source:
            return source.strings(value.length, key)

    def numbers(self, key: str) -> tuple[int | float, ...]:
        """Return the numbers in an array, such as token types; empty without the array.

        Raises `GgufInvalid` where the array holds something else, or the file has changed.
        """
        value = self.metadata.get(key)
        if isinstance(value, tuple):
            numbers = tuple(item for item in value if not isinstance(item, str))
            return numbers if len(numbers) == len(value) else self._fail(key, "is no list of numbers")
        if not isinstance(value, Array):
            return ()
        if value.type not in SCALARS:
            self._fail(key, "is no list of numbers")
        with self._items(value) as source:
            return source.numbers(value.type, value.length, key)

    def _fail(self, key: str, why: str) -> NoReturn:
        raise invalid(self.path, key, why, offset=self.places[key])

    @contextmanager
    def _items(self, array: Array) -> Iterator[GgufSource]:
        """Open the file at the first item of an array."""
        with open_gguf(self.path) as file:
            source = GgufSource(file, self.path, self.size_bytes)
            source.seek(array.offset)
            yield source


def read_header(path: Path) -> Header:
    """Return the checked header of one GGUF file.

    Raises `ModelMissing`, `ModelUnloadable` for a file that is not readable GGUF, and `GgufInvalid` with
    field and offset for a damaged one.
    """
    with open_gguf(path) as file:
        source = GgufSource(file, path, os.fstat(file.fileno()).st_size)
        try:
            return _header(source, path)
        except MemoryError:
            source.fail("the header", "needs more memory than there is")


def _header(source: GgufSource, path: Path) -> Header:
    source.seek(len(MAGIC))
    version = source.number(COUNT, "the version")
    if version not in VERSIONS:
        is_swapped = int.from_bytes(version.to_bytes(4, "big"), "little") in VERSIONS
        what = "was written for big-endian machines" if is_swapped else f"{version} is not supported"
        source.fail("the version", what, at=4, hint="convert the model again with a current llama.cpp")
    num_tensors = source.number(LENGTH, "the number of tensors")
    num_keys = source.number(LENGTH, "the number of metadata keys")
    # A key takes at least 13 bytes: its length, its type and a value of one byte. A tensor takes 33.
    source.check_count(num_keys, "the number of metadata keys", least_bytes=13, at_most=MAX_METADATA_KEYS)
    source.check_count(num_tensors, "the number of tensors", least_bytes=33, at_most=MAX_TENSORS)
    metadata, places = read_metadata(source, num_keys)
    alignment = _alignment(source, metadata)
    tensors = tuple(_tensor(source) for _ in range(num_tensors))
    data_offset = _padded(source.offset, alignment)
    _check_tensors(source, tensors, data_offset=data_offset, alignment=alignment)
    return Header(path, version, metadata, tensors, data_offset, source.size, places)


def _alignment(source: GgufSource, metadata: Mapping[str, Value]) -> int:
    alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or isinstance(alignment, bool) or not _is_power_of_two(alignment):
        source.fail("general.alignment", f"is {alignment!r}, and must be a power of two")
    return alignment


def _is_power_of_two(number: int) -> bool:
    return 0 < number <= MAX_ALIGNMENT and number.bit_count() == 1


def _tensor(source: GgufSource) -> Tensor:
    start = source.offset
    name = source.text("a tensor's name", at_most=MAX_TENSOR_NAME_BYTES)
    what = f"the tensor {name}"
    num_dimensions = source.number(COUNT, f"the dimensions of {name}")
    if not 0 < num_dimensions <= MAX_DIMENSIONS:
        source.fail(what, f"has {num_dimensions} dimensions; 1 to {MAX_DIMENSIONS} are possible", at=start)
    shape = tuple(source.number(LENGTH, what) for _ in range(num_dimensions))
    kind = source.number(COUNT, f"the type of {name}")
    offset = source.number(LENGTH, f"the offset of {name}")
    known = TENSOR_TYPES.get(kind)
    if known is None:
        source.fail(what, f"has the unknown type {kind}", at=start)
    num_items = 1
    for size in shape:
        num_items *= size
    # Products do not wrap in Python; in llama.cpp they would, from 2^63 on.
    if num_items == 0 or num_items * known.block_bytes >= 1 << 62:
        source.fail(what, f"has the impossible shape {shape}", at=start)
    if shape[0] % known.block_items:
        source.fail(what, f"has rows of {shape[0]}, which are no whole blocks of {known.name}", at=start)
    return Tensor(name, shape, known, offset, num_items // known.block_items * known.block_bytes)


def _check_tensors(
    source: GgufSource, tensors: tuple[Tensor, ...], *, data_offset: int, alignment: int
) -> None:
    """Refuse repeated names, and data that have gaps or end outside the file."""
    names: set[str] = set()
    expected = 0
    for tensor in tensors:
        what = f"the tensor {tensor.name}"
        if tensor.name in names:
            source.fail(what, "stands twice")
        names.add(tensor.name)
        if tensor.offset != expected:
            source.fail(what, f"begins at {tensor.offset}, not at {expected}, where the one before ends")
        if data_offset + tensor.offset + tensor.size_bytes > source.size:
            source.fail(what, f"ends behind the file's {source.size:,} bytes")
        expected = _padded(tensor.offset + tensor.size_bytes, alignment)


def _padded(offset: int, alignment: int) -> int:
    return (offset + alignment - 1) // alignment * alignment
