"""The metadata of a GGUF file: keys and values, with bounds on what is read and what is kept.

Large arrays and texts stay in the file. So does whatever would make the header as a whole too large.
"""

from __future__ import annotations

from dataclasses import field, replace

from agx.gguf.source import COUNT, LENGTH, MAX_STRING_BYTES, GgufSource, Scalar, as_text
from agx.gguf.types import ARRAY, SCALARS, STRING
from agx.util.frozen import dataclass

MAX_KEY_BYTES = 65_535
MAX_ARRAY_ITEMS = 64 << 20
MAX_TOKENS = 512 << 10  # the most that were seen are 501,153
MAX_TOKENS_BYTES = 8 << 20
# Read with the header: everything that is listed by layer, and texts of an ordinary length.
_SMALL_ARRAY_ITEMS = 4096
_SMALL_TEXT_BYTES = 1 << 20
_ITEM_BYTES = 64  # Python's overhead for a number or a text


@dataclass(frozen=True, slots=True)
class Array:
    """An array that was left in the file: its type, its length, and where its items begin.

    `texts` are the items of an array that had to be read all the same. A long text is an array of one.
    """

    type: int
    length: int
    offset: int
    texts: list[bytes] | None = field(default=None, compare=False, repr=False)


Value = Scalar | tuple[Scalar, ...] | Array


def read_metadata(source: GgufSource, num_keys: int) -> tuple[dict[str, Value], dict[str, int]]:
    """Return so many keys with their values, and the offsets of the keys."""
    metadata: dict[str, Value] = {}
    places: dict[str, int] = {}
    for _ in range(num_keys):
        start = source.offset
        key = source.text("a metadata key", at_most=MAX_KEY_BYTES)
        if key in metadata or not key:
            source.fail(key or "a metadata key", "stands twice" if key else "is empty", at=start)
        if not source.holds(len(key) + _ITEM_BYTES):
            source.fail(key, "is one of too many long keys", at=start)
        kind = source.number(COUNT, f"the type of {key}")
        metadata[key] = _value(source, key, kind)
        places[key] = start
    return metadata, places


def _value(source: GgufSource, key: str, kind: int) -> Value:
    if kind == STRING:
        return _text(source, key)
    if kind == ARRAY:
        return _array(source, key)
    return source.scalar(kind, key)


def _text(source: GgufSource, key: str) -> str | Array:
    array = Array(STRING, 1, source.offset)
    length = source.string_length(key, MAX_STRING_BYTES)
    if length <= _SMALL_TEXT_BYTES and source.holds(length):
        return as_text(source.take(length, key))
    source.seek(source.offset + length)
    return array


def _array(source: GgufSource, key: str) -> tuple[Scalar, ...] | Array:
    start = source.offset
    kind = source.number(COUNT, f"the type of {key}'s items")
    length = source.number(LENGTH, f"the length of {key}")
    if kind != STRING and kind not in SCALARS:
        source.fail(key, f"is a list of the unknown type {kind}", at=start)
    if kind == STRING:
        return _strings(source, key, length)
    item_bytes = SCALARS[kind].size
    source.check_count(length, f"the length of {key}", least_bytes=item_bytes, at_most=MAX_ARRAY_ITEMS)
    array = Array(kind, length, source.offset)
    if length <= _SMALL_ARRAY_ITEMS and source.holds(length * _ITEM_BYTES):
        return source.numbers(kind, length, key)
    source.seek(source.offset + length * item_bytes)
    return array


def _strings(source: GgufSource, key: str, length: int) -> tuple[str, ...] | Array:
    """Read the strings of an array, or skip them."""
    is_tokens, at_most = key == "tokenizer.ggml.tokens", source.num_strings_left
    at_most = min(at_most, MAX_TOKENS) if is_tokens else at_most
    source.check_count(length, f"the length of {key}", least_bytes=LENGTH.size, at_most=at_most)
    source.num_strings_left -= length
    array = Array(STRING, length, source.offset)
    if is_tokens:
        tokens = source.strings(length, key, at_most=MAX_TOKENS_BYTES)
        _check_unique(source, tokens, array)
        return replace(array, texts=tokens)
    source.skip_strings(length, key)
    size_bytes = source.offset - array.offset + length * _ITEM_BYTES
    if length > _SMALL_ARRAY_ITEMS or not source.holds(size_bytes):
        return array
    source.seek(array.offset)
    return tuple(map(as_text, source.strings(length, key)))


def _check_unique(source: GgufSource, tokens: list[bytes], array: Array) -> None:
    """Refuse a vocabulary with two tokens of the same text, on which llama.cpp aborts.

    To llama.cpp a text ends at its first zero byte, and an empty one has a name of its own.
    """
    texts = tokens
    if b"" in tokens or b"\0" in b"".join(tokens):
        cut = (token.partition(b"\0")[0] for token in tokens)
        texts = [text or b"[EMPTY_%d]" % number for number, text in enumerate(cut)]
    if len(set(texts)) == len(texts):
        return
    seen: set[bytes] = set()
    for number, token in enumerate(texts):
        if token in seen:
            shown = token[:40].decode(errors="replace")
            source.fail(
                "tokenizer.ggml.tokens",
                f"has the token {shown!r} twice (the second is {number})",
                at=array.offset,
            )
        seen.add(token)
