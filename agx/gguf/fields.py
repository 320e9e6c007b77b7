"""Metadata by key and type, and the checks that llama.cpp does not make.

A value of the wrong type is an error with its place. So are lists of different lengths that llama.cpp
indexes side by side, and counts of experts that make it abort.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from agx.gguf.metadata import Array, Value
from agx.gguf.reader import Header
from agx.gguf.source import Scalar, invalid
from agx.gguf.types import STRING

MAX_INTEGER = 2**31 - 1  # llama.cpp keeps the sizes of a model in 32 bits
_TOKENS = "tokenizer.ggml.tokens"
# Lists that must be as long as the list of tokens, where they are present.
_BESIDE_TOKENS = ("tokenizer.ggml.scores", "tokenizer.ggml.token_type")
_LISTS_OF_TEXTS = (_TOKENS, "tokenizer.ggml.merges")


class Fields:
    """The metadata of a header; `of(architecture)` takes keys without the architecture's prefix."""

    def __init__(self, header: Header, prefix: str = "") -> None:
        self._header = header
        self._prefix = prefix

    @property
    def keys(self) -> Iterable[str]:
        """All keys, with their prefixes."""
        return self._header.metadata.keys()

    def of(self, architecture: str) -> Fields:
        """Return the fields of an architecture."""
        return Fields(self._header, architecture + ".")

    def has(self, key: str) -> bool:
        """Return whether there is such a key."""
        return self._prefix + key in self._header.metadata

    def value(self, key: str) -> Value | None:
        """Return the value of any type."""
        return self._header.metadata.get(self._prefix + key)

    def scalar(self, key: str) -> Scalar | None:
        """Return a value, or None for a list."""
        value = self.value(key)
        return None if isinstance(value, (tuple, Array)) else value

    def text(self, key: str) -> str:
        """Return a text, empty where there is none."""
        value = self.value(key)
        if value is not None and not isinstance(value, str):
            self.fail(key, "is no text, or one that is too long")
        return value or ""

    def integer(self, key: str, *, at_most: int = MAX_INTEGER) -> int:
        """Return a whole number of at least 0; a missing one is 0."""
        value = self.value(key)
        if isinstance(value, tuple):  # some models list by layer what is one number in others
            return max((self._size(key, item, at_most) for item in value), default=0)
        return 0 if value is None else self._size(key, value, at_most)

    def integers(self, key: str, count: int) -> tuple[int, ...]:
        """Return a number for each layer; the file has a list of them or one for all."""
        value = self.value(key)
        if not isinstance(value, tuple):
            return () if value is None else (self._size(key, value, MAX_INTEGER),) * count
        if len(value) != count:
            self.fail(key, f"has {len(value):,} items for {count:,} layers")
        return tuple(self._size(key, item, MAX_INTEGER) for item in value)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a boolean."""
        value = self.value(key)
        if value is not None and not isinstance(value, bool):
            self.fail(key, "is neither true nor false")
        return default if value is None else value

    def fail(self, key: str, why: str) -> NoReturn:
        """Raise `GgufInvalid` about a key."""
        name = self._prefix + key
        raise invalid(
            self._header.path,
            name,
            why,
            offset=self._header.places.get(name, 0),
            hint="fetch the file again, or convert the model again with a current llama.cpp",
        )

    def _size(self, key: str, value: Value, at_most: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= at_most:
            shown = f"a list of {value.length:,}" if isinstance(value, Array) else f"{value!r:.40}"
            self.fail(key, f"is {shown}, no whole number from 0 to {at_most:,}")
        return value


def check_vocabulary(fields: Fields, own: Fields) -> int:
    """Return the number of tokens; raises `GgufInvalid` where the lists of the vocabulary do not match."""
    for key in _LISTS_OF_TEXTS:
        if fields.has(key) and not _is_list_of_texts(fields, key):
            fields.fail(key, "is no list of texts")
    num_tokens = _length(fields, _TOKENS)
    if num_tokens is None:
        return own.integer("vocab_size")
    for key in _BESIDE_TOKENS:
        length = _length(fields, key)
        if length is not None and length != num_tokens:
            fields.fail(key, f"has {length:,} items for {num_tokens:,} tokens")
    return num_tokens


def check_experts(own: Fields) -> None:
    """Raise `GgufInvalid` where more experts are used than there are."""
    count, used = own.integer("expert_count"), own.integer("expert_used_count")
    if used > count:
        own.fail("expert_used_count", f"is {used:,}, and there are {count:,} experts")


def _length(fields: Fields, key: str) -> int | None:
    value = fields.value(key)
    if isinstance(value, Array):
        return value.length
    if isinstance(value, tuple):
        return len(value)
    if value is not None:
        fields.fail(key, "is no list")
    return None


def _is_list_of_texts(fields: Fields, key: str) -> bool:
    value = fields.value(key)
    if isinstance(value, Array):
        return value.type == STRING
    return isinstance(value, tuple) and all(isinstance(item, str) for item in value)
