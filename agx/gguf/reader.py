"""Reads a GGUF header: metadata and the table of tensors, with a bound on everything.

The file is untrusted: every count is checked against what is left of the file before anything is
made of it, and whatever llama.cpp would abort on is refused here. Large arrays stay in the file: the
header holds where they are, and reads them when they are asked for.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from agx.gguf.source import COUNT, LENGTH, MAGIC, MAX_STRING_BYTES, Scalar, Source, open_gguf
from agx.gguf.types import ARRAY, SCALARS, STRING, TENSOR_TYPES, TensorType

VERSIONS = (2, 3)
DEFAULT_ALIGNMENT = 32
MAX_KEY_BYTES = 65_535
MAX_ARRAY_ITEMS = 64 << 20
MAX_METADATA_KEYS = 65_536
MAX_TENSORS = 65_536
MAX_TENSOR_NAME_BYTES = 63  # ggml keeps names in 64 bytes, the last of them zero
MAX_DIMENSIONS = 4
MAX_ALIGNMENT = 1 << 20
# Arrays up to this are read with the header: whatever is listed by layer. Longer ones stay in the file.
_SMALL_ARRAY_ITEMS = 4096


@dataclass(frozen=True, slots=True)
class Array:
    """An array of metadata that was left in the file: its type, its length, where its items begin.

    `texts` are the items of one that had to be read all the same.
    """

    type: int
    length: int
    offset: int
    texts: list[bytes] | None = field(default=None, compare=False, repr=False)


Value = Scalar | tuple[Scalar, ...] | Array


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
        """How many weights it has."""
        items = 1
        for size in self.shape:
            items *= size
        return items


@dataclass(frozen=True, slots=True)
class Header:
    """The header of one file. `data_offset` is where the tensors' data begin, `places` where keys stand."""

    path: Path
    version: int
    metadata: Mapping[str, Value] = field(repr=False)
    tensors: tuple[Tensor, ...] = field(repr=False)
    data_offset: int
    size_bytes: int
    places: Mapping[str, int] = field(repr=False)

    def strings(self, key: str) -> list[bytes]:
        """Read an array of strings, as token texts are: the bytes of each. Empty where there is none.

        Raises `GgufInvalid` where the array holds something else, or the file has changed.
        """
        value = self.metadata.get(key)
        if isinstance(value, tuple):
            return [str(item).encode("utf-8", "surrogateescape") for item in value]
        if not isinstance(value, Array):
            return []
        if value.texts is not None:
            return value.texts
        with self._items(value) as source:
            if value.type != STRING:
                source.fail(key, "is no list of texts")
            return source.strings(value.length, key)

    def numbers(self, key: str) -> tuple[int | float, ...]:
        """Read an array of numbers, as the types of tokens are. Empty where there is none.

        Raises `GgufInvalid` where the array holds something else, or the file has changed.
        """
        value = self.metadata.get(key)
        if isinstance(value, tuple):
            return tuple(item for item in value if not isinstance(item, str))
        if not isinstance(value, Array):
            return ()
        with self._items(value) as source:
            if value.type not in SCALARS:
                source.fail(key, "is no list of numbers")
            items = struct.Struct(f"<{value.length}{SCALARS[value.type].format[-1]}")
            return items.unpack(source.take(items.size, key))

    @contextmanager
    def _items(self, array: Array) -> Iterator[Source]:
        """Open the file at the first item of an array that was left in it."""
        with open_gguf(self.path) as file:
            source = Source(file, self.path, self.size_bytes)
            source.seek(array.offset)
            yield source


def read_header(path: Path) -> Header:
    """Read and check the header of one GGUF file.

    Raises `ModelMissing`, `ModelUnloadable` for what is no readable GGUF file at all, and
    `GgufInvalid` with field and offset for a damaged one.
    """
    with open_gguf(path) as file:
        source = Source(file, path, os.fstat(file.fileno()).st_size)
        try:
            return _header(source, path)
        except MemoryError:
            source.fail("the header", "needs more memory than there is")


def _header(source: Source, path: Path) -> Header:
    source.seek(len(MAGIC))
    version = source.number(COUNT, "the version")
    if version not in VERSIONS:
        is_swapped = int.from_bytes(version.to_bytes(4, "big"), "little") in VERSIONS
        what = "was written for big-endian machines" if is_swapped else f"{version} is not supported"
        source.fail("the version", what, at=4, hint="convert the model again with a current llama.cpp")
    num_tensors = source.number(LENGTH, "the number of tensors")
    num_keys = source.number(LENGTH, "the number of metadata keys")
    # A key takes 13 bytes at least: its length, its type and one byte of value. A tensor takes 33.
    source.check_count(num_keys, "the number of metadata keys", least_bytes=13, at_most=MAX_METADATA_KEYS)
    source.check_count(num_tensors, "the number of tensors", least_bytes=33, at_most=MAX_TENSORS)
    metadata, places = _metadata(source, num_keys)
    alignment = _alignment(source, metadata)
    tensors = tuple(_tensor(source) for _ in range(num_tensors))
    data_offset = _padded(source.offset, alignment)
    _check_tensors(source, tensors, data_offset=data_offset, alignment=alignment)
    return Header(path, version, metadata, tensors, data_offset, source.size, places)


def _metadata(source: Source, num_keys: int) -> tuple[dict[str, Value], dict[str, int]]:
    """Give the values and the offsets of the keys."""
    metadata: dict[str, Value] = {}
    places: dict[str, int] = {}
    for _ in range(num_keys):
        start = source.offset
        key = source.text("a metadata key", at_most=MAX_KEY_BYTES)
        if key in metadata or not key:
            source.fail(key or "a metadata key", "stands twice" if key else "is empty", at=start)
        kind = source.number(COUNT, f"the type of {key}")
        metadata[key] = _value(source, key, kind)
        places[key] = start
    return metadata, places


def _value(source: Source, key: str, kind: int) -> Value:
    if kind == STRING:
        return source.text(key, at_most=MAX_STRING_BYTES)
    if kind == ARRAY:
        return _array(source, key)
    return source.scalar(kind, key)


def _array(source: Source, key: str) -> tuple[Scalar, ...] | Array:
    start = source.offset
    kind = source.number(COUNT, f"the type of {key}'s items")
    length = source.number(LENGTH, f"the length of {key}")
    if kind != STRING and kind not in SCALARS:
        source.fail(key, f"is a list of the unknown type {kind}", at=start)
    item_bytes = LENGTH.size if kind == STRING else SCALARS[kind].size
    source.check_count(length, f"the length of {key}", least_bytes=item_bytes, at_most=MAX_ARRAY_ITEMS)
    array = Array(kind, length, source.offset)
    if kind != STRING:
        if length > _SMALL_ARRAY_ITEMS:
            source.seek(source.offset + length * item_bytes)
            return array
        return tuple(source.scalar(kind, key) for _ in range(length))
    if key == "tokenizer.ggml.tokens":
        tokens = source.strings(length, key)
        _check_unique(source, tokens, array)
        return replace(array, texts=tokens)
    if length > _SMALL_ARRAY_ITEMS:
        source.skip_strings(length, key)
        return array
    return tuple(source.text(key, at_most=MAX_STRING_BYTES) for _ in range(length))


def _check_unique(source: Source, tokens: list[bytes], array: Array) -> None:
    """Refuse a vocabulary in which two tokens have one text: llama.cpp would abort."""
    if len(set(tokens)) == len(tokens):
        return
    seen: set[bytes] = set()
    for number, token in enumerate(tokens):
        if token in seen:
            shown = token[:40].decode(errors="replace")
            source.fail(
                "tokenizer.ggml.tokens",
                f"has the token {shown!r} twice (the second is {number})",
                at=array.offset,
            )
        seen.add(token)


def _alignment(source: Source, metadata: Mapping[str, Value]) -> int:
    alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    is_number = isinstance(alignment, int) and not isinstance(alignment, bool)
    if not is_number or not 0 < alignment <= MAX_ALIGNMENT or alignment & (alignment - 1):  # type: ignore[operator]
        source.fail("general.alignment", f"is {alignment!r}, and must be a power of two")
    return int(alignment)  # type: ignore[arg-type]


def _tensor(source: Source) -> Tensor:
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
    # No product wraps here; in llama.cpp it would, from 2^63 on.
    if num_items == 0 or num_items * known.block_bytes >= 1 << 62:
        source.fail(what, f"has the impossible shape {shape}", at=start)
    if shape[0] % known.block_items:
        source.fail(what, f"has rows of {shape[0]}, which are no whole blocks of {known.name}", at=start)
    return Tensor(name, shape, known, offset, num_items // known.block_items * known.block_bytes)


def _check_tensors(source: Source, tensors: tuple[Tensor, ...], *, data_offset: int, alignment: int) -> None:
    """Check that names are unique and that the data follow each other and end within the file."""
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
