"""The header reader: it reads what there is, and says of a damaged file what is wrong and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from agx.errors import GgufInvalid, ModelMissing, ModelUnloadable
from agx.gguf.reader import MAX_ARRAY_ITEMS, Array, read_header
from agx.gguf.source import MAX_STRING_BYTES
from tests.gguf.raw import (
    ARCHITECTURE,
    ARRAY,
    F32,
    I32,
    STRING,
    U32,
    RawGguf,
    key,
    tensor,
    text,
    texts,
    u32,
    u64,
)


def write(folder: Path, raw: RawGguf | bytes) -> Path:
    path = folder / "model.gguf"
    path.write_bytes(raw if isinstance(raw, bytes) else raw.to_bytes())
    return path


def refusal(folder: Path, raw: RawGguf | bytes) -> GgufInvalid:
    with pytest.raises(GgufInvalid) as caught:
        read_header(write(folder, raw))
    return caught.value


def test_values_and_tensors_are_read(tmp_path: Path) -> None:
    raw = RawGguf(
        keys=(ARCHITECTURE, key("a.count", U32, u32(7)), texts("a.list", ["x", "ü"])),
        tensors=(tensor("t", (4, 2)), tensor("u", (32,), kind=8, offset=32)),
        data=bytes(32 + 34),
    )
    header = read_header(write(tmp_path, raw))
    assert header.metadata == {"general.architecture": "llama", "a.count": 7, "a.list": ("x", "ü")}
    assert [(one.name, one.shape, one.type.name, one.num_items) for one in header.tensors] == [
        ("t", (4, 2), "F32", 8),
        ("u", (32,), "Q8_0", 32),
    ]
    assert header.strings("a.list") == [b"x", "ü".encode()]


def test_a_long_list_stays_in_the_file_and_is_read_when_asked_for(tmp_path: Path) -> None:
    names = [f"token {number} {'x' * (number % 300)}" for number in range(20_000)]
    header = read_header(write(tmp_path, RawGguf(keys=(texts("a.list", names), ARCHITECTURE))))
    assert header.metadata["a.list"] == Array(STRING, 20_000, header.places["a.list"] + 8 + 6 + 4 + 12)
    assert header.strings("a.list") == [name.encode() for name in names]
    assert header.metadata["general.architecture"] == "llama"


@pytest.mark.parametrize("count", [3, 20_000], ids=["in the header", "in the file"])
def test_lists_of_numbers_are_read_when_asked_for(tmp_path: Path, count: int) -> None:
    items = b"".join(number.to_bytes(4, "little", signed=True) for number in range(-1, count - 1))
    raw = RawGguf(keys=(key("a.list", ARRAY, u32(I32) + u64(count) + items), texts("a.texts", ["x"] * 5000)))
    header = read_header(write(tmp_path, raw))
    assert header.numbers("a.list") == tuple(range(-1, count - 1))
    assert header.numbers("a.missing") == ()
    with pytest.raises(GgufInvalid, match="no list of numbers"):
        header.numbers("a.texts")


def test_a_file_that_became_shorter_is_an_error_and_no_signal(tmp_path: Path) -> None:
    names = [f"token {number}" for number in range(20_000)]
    path = write(tmp_path, RawGguf(keys=(texts("a.list", names),)))
    header = read_header(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(GgufInvalid, match="became shorter"):
        header.strings("a.list")


def test_every_cut_of_a_file_is_refused(tmp_path: Path) -> None:
    raw = RawGguf(keys=(ARCHITECTURE, texts("l", ["a", "b"])), tensors=(tensor("t", (8,)),), data=bytes(32))
    whole = raw.to_bytes()
    assert read_header(write(tmp_path, whole)).tensors
    for length in range(len(whole)):
        with pytest.raises(ModelUnloadable):
            read_header(write(tmp_path, whole[:length]))


def test_bytes_that_are_no_utf8_stay_what_they_are(tmp_path: Path) -> None:
    header = read_header(write(tmp_path, RawGguf(keys=(key("k", STRING, text(b"a\xff\x00b")),))))
    value = header.metadata["k"]
    assert isinstance(value, str)
    assert value.encode("utf-8", "surrogateescape") == b"a\xff\x00b"


HUGE = 2**64 - 1
HOSTILE: dict[str, tuple[RawGguf, str, str]] = {
    "version 1": (RawGguf(version=u32(1)), "the version", "1 is not supported"),
    "big-endian": (RawGguf(version=u32(3)[::-1]), "the version", "big-endian"),
    "more keys than bytes": (RawGguf(num_keys=1000), "metadata keys", "more than the file holds"),
    "countless keys": (RawGguf(num_keys=HUGE), "metadata keys", "are allowed"),
    "countless tensors": (RawGguf(num_tensors=HUGE), "number of tensors", "are allowed"),
    "a key twice": (RawGguf(keys=(ARCHITECTURE, ARCHITECTURE)), "general.architecture", "stands twice"),
    "an empty key": (RawGguf(keys=(key("", U32, u32(1)),)), "a metadata key", "is empty"),
    "an endless key": (RawGguf(keys=(u64(HUGE) + b"abc" + u32(U32) * 3,)), "a metadata key", "bytes long"),
    "an endless text": (RawGguf(keys=(key("k", STRING, u64(HUGE)),)), "k", "bytes long"),
    "a text above the limit": (
        RawGguf(keys=(key("k", STRING, u64(MAX_STRING_BYTES + 1) + bytes(MAX_STRING_BYTES + 1)),)),
        "k",
        "bytes long",
    ),
    "an unknown type": (RawGguf(keys=(key("k", 13, u32(1)),)), "k", "unknown type 13"),
    "a list of lists": (RawGguf(keys=(key("k", ARRAY, u32(ARRAY) + u64(0)),)), "k", "unknown type 9"),
    "a list above the limit": (
        RawGguf(keys=(key("k", ARRAY, u32(F32) + u64(MAX_ARRAY_ITEMS + 1)),)),
        "the length of k",
        "are allowed",
    ),
    "a length that wraps": (
        RawGguf(keys=(key("k", ARRAY, u32(F32) + u64(2**62)),)),
        "the length of k",
        "are allowed",
    ),
    "a list longer than the file": (
        RawGguf(keys=(key("k", ARRAY, u32(F32) + u64(1000)),)),
        "the length of k",
        "more than the file holds",
    ),
    "a token twice": (
        RawGguf(keys=(texts("tokenizer.ggml.tokens", ["a", "b", "a"]),)),
        "tokenizer.ggml.tokens",
        "has the token 'a' twice",
    ),
    "an alignment that is no power of two": (
        RawGguf(keys=(key("general.alignment", U32, u32(48)),)),
        "general.alignment",
        "power of two",
    ),
    "an alignment of nothing": (
        RawGguf(keys=(key("general.alignment", U32, u32(0)),)),
        "general.alignment",
        "power of two",
    ),
    "an alignment in words": (
        RawGguf(keys=(key("general.alignment", STRING, text("32")),)),
        "general.alignment",
        "power of two",
    ),
    "no dimension": (RawGguf(tensors=(tensor("t", ()) + bytes(32),)), "the tensor t", "0 dimensions"),
    "five dimensions": (RawGguf(tensors=(tensor("t", (1,) * 5),)), "the tensor t", "5 dimensions"),
    "a shape whose product wraps": (
        RawGguf(tensors=(tensor("t", (2**32, 2**32, 2)),)),
        "the tensor t",
        "impossible shape",
    ),
    "an empty shape": (RawGguf(tensors=(tensor("t", (4, 0)),)), "the tensor t", "impossible shape"),
    "rows of half a block": (RawGguf(tensors=(tensor("t", (48,), kind=8),)), "the tensor t", "whole blocks"),
    "an unknown kind of weights": (RawGguf(tensors=(tensor("t", (4,), kind=99),)), "the tensor t", "unknown"),
    "a type that was given up": (RawGguf(tensors=(tensor("t", (32,), kind=4),)), "the tensor t", "unknown"),
    "a name too long": (RawGguf(tensors=(tensor("t" * 64, (4,)),)), "a tensor's name", "bytes long"),
    "a tensor twice": (
        RawGguf(tensors=(tensor("t", (8,)), tensor("t", (8,), offset=32)), data=bytes(64)),
        "the tensor t",
        "stands twice",
    ),
    "an offset outside": (RawGguf(tensors=(tensor("t", (4,), offset=2**40),)), "the tensor t", "begins at"),
    "weights behind the end": (
        RawGguf(tensors=(tensor("t", (4000,)),), data=bytes(64)),
        "the tensor t",
        "ends behind the file",
    ),
    "tensors that overlap": (
        RawGguf(tensors=(tensor("t", (64,)), tensor("u", (64,), offset=32)), data=bytes(512)),
        "the tensor u",
        "begins at 32, not at 256",
    ),
}


@pytest.mark.parametrize(("raw", "field", "reason"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_header_is_refused_with_field_and_offset(
    tmp_path: Path, raw: RawGguf, field: str, reason: str
) -> None:
    error = refusal(tmp_path, raw)
    assert field in error.field
    assert reason in error.message
    assert f"at byte {error.offset:,}" in error.message
    assert 0 <= error.offset <= len(raw.to_bytes())
    assert error.hint


def test_control_characters_of_a_key_do_not_reach_the_message(tmp_path: Path) -> None:
    error = refusal(tmp_path, RawGguf(keys=(key("\x1b[31m\n", 13, u32(1)),)))
    assert error.message.isprintable()


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"PK\3\4 zip", "is no GGUF file"), (b"", "is empty"), (b"GG", "is no GGUF file")],
    ids=["another format", "empty", "two bytes"],
)
def test_what_is_no_gguf_file_is_said_to_be_none(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(ModelUnloadable, match=words):
        read_header(write(tmp_path, data))


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        read_header(tmp_path / "none.gguf")
    with pytest.raises(ModelUnloadable, match="is a folder"):
        read_header(tmp_path)
