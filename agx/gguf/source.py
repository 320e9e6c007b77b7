"""Reading a GGUF file from front to back: bounded reads, and errors with their offsets.

The file is read, not mapped: truncating it meanwhile is then an error and not a signal.
"""

from __future__ import annotations

import struct
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NoReturn

from agx.errors import GgufInvalid, ModelMissing, ModelUnloadable
from agx.gguf.types import SCALARS

MAGIC = b"GGUF"
MAX_STRING_BYTES = 16 << 20
MAX_STRINGS = 2 << 20  # in the lists of one file; the longest known list has 514,906
MAX_HELD_BYTES = 4 << 20  # of metadata; as text they take up to four times as much
LENGTH = struct.Struct("<Q")
COUNT = struct.Struct("<I")
_CHUNK_BYTES = 1 << 20
_HINT = "fetch the file again: it is damaged, or was not fetched to its end"
_MAX_SHOWN_CHARS = 120

Scalar = int | float | bool | str


def open_gguf(path: Path) -> BinaryIO:
    """Open a model's file behind its magic bytes.

    Raises `ModelMissing`, and `ModelUnloadable` for a file without them.
    """
    hint = "give the path of a GGUF file, or leave the model out for the built-in planner"
    with ExitStack() as opened:
        try:
            if path.is_dir():
                raise ModelUnloadable(f"the model {path} is a folder", hint="name one of the files in it")
            if path.exists() and not path.is_file():
                raise ModelUnloadable(f"the model {path} is no ordinary file", hint=hint)
            file = opened.enter_context(path.open("rb", buffering=0))
            magic = file.read(len(MAGIC))
        except (FileNotFoundError, NotADirectoryError):
            raise ModelMissing(f"there is no model file {path}", hint=hint) from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ModelUnloadable(f"the model {path} cannot be read: {reason}", hint=hint) from error
        if not magic:
            raise ModelUnloadable(f"the model {path} is empty", hint="fetch the file again")
        if magic != MAGIC:
            begin = f"it begins with {magic!r}"
            raise ModelUnloadable(f"{path} is no GGUF file: {begin}", hint=hint, path=str(path))
        opened.pop_all()
    return file


def invalid(path: Path, field: str, why: str, *, offset: int, hint: str = _HINT) -> GgufInvalid:
    """Return the error about a field; its name comes from the file, and need not be valid text."""
    shown = "".join(char if char.isprintable() else "?" for char in field[:_MAX_SHOWN_CHARS])
    return GgufInvalid(
        f"{path} is no valid GGUF file: {shown} {why} (at byte {offset:,})",
        hint=hint,
        field=shown,
        offset=offset,
    )


class GgufSource:
    """A file read in chunks: memory holds no more of it than the present item.

    `holds` counts what is kept, so that a header stays small however large the file is.
    """

    def __init__(self, file: BinaryIO, path: Path, size: int) -> None:
        self._file = file
        self._path = path
        self.size = size
        self._buffer = b""
        self._start = 0  # offset of the buffer in the file
        self._at = 0  # position of the next byte in the buffer
        self._held_bytes = 0
        self.num_strings_left = MAX_STRINGS

    @property
    def offset(self) -> int:
        """The offset of the next byte in the file."""
        return self._start + self._at

    def fail(self, what: str, why: str, *, at: int | None = None, hint: str = _HINT) -> NoReturn:
        """Raise `GgufInvalid` about a field; `at` is its offset, by default the present one."""
        raise invalid(self._path, what, why, offset=self.offset if at is None else at, hint=hint)

    def holds(self, size_bytes: int) -> bool:
        """Count bytes that the header keeps; return False where it would become too large."""
        fits = self._held_bytes + size_bytes <= MAX_HELD_BYTES
        self._held_bytes += size_bytes if fits else 0
        return fits

    def seek(self, offset: int) -> None:
        """Continue at an offset."""
        if self._start <= offset <= self._start + len(self._buffer):
            self._at = offset - self._start
        else:
            self._file.seek(offset)
            self._start, self._buffer, self._at = offset, b"", 0

    def check_count(self, count: int, what: str, *, least_bytes: int, at_most: int) -> None:
        """Refuse a count above the limit, or too large for the rest of the file."""
        if count > at_most:
            self.fail(what, f"is {count:,}; {at_most:,} are allowed", at=self.offset - LENGTH.size)
        if count * least_bytes > self.size - self.offset:
            self.fail(what, f"is {count:,}, more than the file holds", at=self.offset - LENGTH.size)

    def take(self, length: int, what: str) -> bytes:
        """Return the next bytes."""
        self._need(length, what)
        self._at += length
        return self._buffer[self._at - length : self._at]

    def number(self, form: struct.Struct, what: str) -> int:
        """Return a length, a count or a type."""
        return int(form.unpack(self.take(form.size, what))[0])

    def scalar(self, kind: int, what: str) -> Scalar:
        """Return a number or a boolean of a type."""
        form = SCALARS.get(kind)
        if form is None:
            self.fail(what, f"has the unknown type {kind}", at=self.offset - COUNT.size)
        value: Scalar = form.unpack(self.take(form.size, what))[0]
        return value

    def numbers(self, kind: int, count: int, what: str) -> tuple[int | float, ...]:
        """Return so many numbers of a known type."""
        items = struct.Struct(f"<{count}{SCALARS[kind].format[-1]}")
        return items.unpack(self.take(items.size, what))

    def text(self, what: str, *, at_most: int) -> str:
        """Return a string; bytes that are not UTF-8 stay, as lone surrogates."""
        return as_text(self.take(self.string_length(what, at_most), what))

    def string_length(self, what: str, at_most: int) -> int:
        """Return the length of a string, and continue behind it."""
        start = self.offset
        length = self.number(LENGTH, f"the length of {what}")
        if length > at_most or length > self.size - self.offset:
            self.fail(what, f"is {length:,} bytes long; {min(at_most, self.size):,} are possible", at=start)
        return length

    def strings(self, count: int, what: str, *, at_most: int | None = None) -> list[bytes]:
        """Return the bytes of so many strings, which have at most `at_most` bytes together."""
        begin, most = self.offset, self.size if at_most is None else at_most + count * LENGTH.size
        found: list[bytes] = []
        length_at = LENGTH.unpack_from
        while len(found) < count:
            buffer, at, end = self._buffer, self._at, len(self._buffer)
            # The fast path: strings that are whole in the buffer.
            while len(found) < count and at + 8 <= end:
                stop = at + 8 + length_at(buffer, at)[0]
                if stop > end:
                    break
                found.append(buffer[at + 8 : stop])
                at = stop
            self._at = at
            if self.offset - begin > most:
                self.fail(what, f"is a list of more than {most:,} bytes", at=begin)
            if len(found) < count:
                longest = min(MAX_STRING_BYTES, most)
                found.append(self.take(self.string_length(what, longest), what))
        return found

    def skip_strings(self, count: int, what: str) -> None:
        """Skip so many strings."""
        length_at = LENGTH.unpack_from
        while count:
            buffer, at, end = self._buffer, self._at, len(self._buffer)
            while count and at + 8 <= end:
                stop = at + 8 + length_at(buffer, at)[0]
                if stop > end:
                    break
                at = stop
                count -= 1
            self._at = at
            if count:
                length = self.string_length(what, MAX_STRING_BYTES)
                self.seek(self.offset + length)
                count -= 1

    def _need(self, length: int, what: str) -> None:
        """Read until the buffer has so many bytes."""
        if len(self._buffer) - self._at >= length:
            return
        if length > self.size - self.offset:
            self.fail(what, "is cut off by the end of the file")
        rest = self._buffer[self._at :]
        self._start, self._at = self.offset, 0
        self._file.seek(self._start + len(rest))
        parts, missing = [rest], max(length - len(rest), _CHUNK_BYTES)
        while missing > 0 and (data := self._read(missing)):
            parts.append(data)
            missing -= len(data)
        self._buffer = b"".join(parts)
        if len(self._buffer) < length:
            self.fail(what, "is cut off: the file became shorter while it was read")

    def _read(self, length: int) -> bytes:
        try:
            return self._file.read(length)
        except OSError as error:
            raise ModelUnloadable(
                f"the model {self._path} cannot be read: {error.strerror}", hint="check the disk"
            ) from error


def as_text(data: bytes) -> str:
    """Return a string's text; bytes that are not UTF-8 stay, as lone surrogates."""
    return data.decode("utf-8", "surrogateescape")
