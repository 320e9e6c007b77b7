"""The header reader: it reads what there is, and says of a damaged file what is wrong and where."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agx.errors import GgufInvalid, ModelMissing, ModelUnloadable
from agx.gguf.metadata import MAX_ARRAY_ITEMS, MAX_TOKENS, Array
from agx.gguf.reader import read_header
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
    for ask, name in ((header.numbers, "a.texts"), (header.strings, "a.list")):
        with pytest.raises(GgufInvalid, match="no list of") as caught:
            ask(name)
        assert (caught.value.field, caught.value.offset) == (name, header.places[name])


@pytest.mark.parametrize("count", [1, 5000], ids=["in the header", "in the file"])
def test_a_list_of_the_other_kind_is_refused_when_it_is_asked_for(tmp_path: Path, count: int) -> None:
    numbers = key("a.numbers", ARRAY, u32(F32) + u64(count) + bytes(4 * count))
    header = read_header(write(tmp_path, RawGguf(keys=(numbers, texts("a.texts", ["x"] * count)))))
    with pytest.raises(GgufInvalid, match=r"a\.numbers is no list of texts"):
        header.strings("a.numbers")
    with pytest.raises(GgufInvalid, match=r"a\.texts is no list of numbers"):
        header.numbers("a.texts")


def test_several_tokens_may_be_empty(tmp_path: Path) -> None:
    """llama.cpp gives each a name; a zero byte by itself makes no other token."""
    raw = RawGguf(keys=(texts("tokenizer.ggml.tokens", ["a", "", "", "\0", "b\0a"]),))
    assert read_header(write(tmp_path, raw)).strings("tokenizer.ggml.tokens") == [
        b"a",
        b"",
        b"",
        b"\0",
        b"b\0a",
    ]


def test_a_text_that_is_too_long_to_be_kept_stays_in_the_file(tmp_path: Path) -> None:
    long = "x" * (2 << 20)
    header = read_header(write(tmp_path, RawGguf(keys=(key("k", STRING, text(long)), ARCHITECTURE))))
    assert header.metadata["k"] == Array(STRING, 1, header.places["k"] + 8 + 1 + 4)
    assert header.strings("k") == [long.encode()]
    assert header.metadata["general.architecture"] == "llama"


def test_lists_of_which_too_much_would_be_kept_stay_in_the_file(tmp_path: Path) -> None:
    keys = [key(f"k{number:03}", ARRAY, u32(U32) + u64(4096) + u32(number) * 4096) for number in range(40)]
    header = read_header(write(tmp_path, RawGguf(keys=(*keys, ARCHITECTURE))))
    kinds = [type(value) for value in header.metadata.values()]
    assert kinds[0] is tuple
    assert kinds[-2] is Array
    assert [set(header.numbers(name)) for name in ("k000", "k039")] == [{0}, {39}]


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
    "a token twice up to a zero byte": (
        RawGguf(keys=(texts("tokenizer.ggml.tokens", ["a\0x", "b", "a"]),)),
        "tokenizer.ggml.tokens",
        "has the token 'a' twice (the second is 2)",
    ),
    "the name of an empty token": (
        RawGguf(keys=(texts("tokenizer.ggml.tokens", ["a", "", "[EMPTY_1]"]),)),
        "tokenizer.ggml.tokens",
        "has the token '[EMPTY_1]' twice",
    ),
    "more tokens than any model has": (
        RawGguf(keys=(key("tokenizer.ggml.tokens", ARRAY, u32(STRING) + u64(MAX_TOKENS + 1)),)),
        "the length of tokenizer.ggml.tokens",
        "are allowed",
    ),
    "tokens that are long together": (
        RawGguf(keys=(texts("tokenizer.ggml.tokens", [f"{number:1100000}" for number in range(9)]),)),
        "tokenizer.ggml.tokens",
        "a list of more than",
    ),
    "keys that are long together": (
        RawGguf(keys=tuple(key(f"{number:65000}", U32, u32(1)) for number in range(70))),
        "",
        "too many long keys",
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


def test_what_is_no_ordinary_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    (tmp_path / "circle.gguf").symlink_to("circle.gguf")
    with pytest.raises(ModelUnloadable, match="is no ordinary file"):
        read_header(tmp_path / "pipe.gguf")
    with pytest.raises(ModelUnloadable, match=r"circle\.gguf cannot be read: Too many levels") as caught:
        read_header(tmp_path / "circle.gguf")
    assert "Errno" not in caught.value.message
