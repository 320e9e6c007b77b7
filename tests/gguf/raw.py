"""GGUF files byte by byte, so that a test can write what no writer would."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

U32, I32, BOOL, STRING, ARRAY, F32 = 4, 5, 7, 8, 9, 6


def text(value: str | bytes) -> bytes:
    """Return a string as GGUF writes it."""
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


def u64(value: int) -> bytes:
    return struct.pack("<Q", value)


def key(name: str | bytes, kind: int, value: bytes) -> bytes:
    """Return one metadata entry."""
    return text(name) + u32(kind) + value


def texts(name: str, values: Sequence[str]) -> bytes:
    """Return an entry that is a list of texts."""
    return key(name, ARRAY, u32(STRING) + u64(len(values)) + b"".join(map(text, values)))


def tensor(name: str, shape: Sequence[int], *, kind: int = 0, offset: int = 0) -> bytes:
    """Return one row of the table of tensors."""
    return text(name) + u32(len(shape)) + b"".join(map(u64, shape)) + u32(kind) + u64(offset)


ARCHITECTURE = key("general.architecture", STRING, text("llama"))


@dataclass(frozen=True)
class RawGguf:
    """A file: what its header says, and the bytes behind it. Counts that are None are the true ones."""

    keys: Sequence[bytes] = (ARCHITECTURE,)
    tensors: Sequence[bytes] = ()
    data: bytes = b""
    version: bytes = field(default_factory=lambda: u32(3))
    num_keys: int | None = None
    num_tensors: int | None = None

    def to_bytes(self) -> bytes:
        num_keys = len(self.keys) if self.num_keys is None else self.num_keys
        num_tensors = len(self.tensors) if self.num_tensors is None else self.num_tensors
        head = b"GGUF" + self.version + u64(num_tensors) + u64(num_keys)
        head += b"".join(self.keys) + b"".join(self.tensors)
        return head + bytes(-len(head) % 32) + self.data if self.tensors else head
