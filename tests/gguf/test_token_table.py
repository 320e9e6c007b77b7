"""Tokens from a header: the same that llama.cpp has once it has loaded the file, or none."""

from __future__ import annotations

from pathlib import Path

import gguf
import pytest

from agx.errors import GgufInvalid
from agx.gguf.reader import read_header
from agx.gguf.token_table import TokenTable, read_tokens
from tests.architectures.vocabularies import file
from tests.engine.real_vocabularies import GENERATIVE, needs_vocabularies, vocabulary
from tests.gguf.raw import ARCHITECTURE, ARRAY, I32, STRING, U32, RawGguf, key, text, texts, u32, u64

NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = range(1, 7)


def table(
    folder: Path, model: str, tokens: list[tuple[str, int]], *, ends: int | None = None
) -> TokenTable | None:
    kinds = b"".join(kind.to_bytes(4, "little") for _, kind in tokens)
    keys = [
        ARCHITECTURE,
        key("tokenizer.ggml.model", STRING, text(model)),
        texts("tokenizer.ggml.tokens", [token for token, _ in tokens]),
        key("tokenizer.ggml.token_type", ARRAY, u32(I32) + u64(len(tokens)) + kinds),
    ]
    if ends is not None:
        keys.append(key("tokenizer.ggml.eos_token_id", U32, u32(ends)))
    path = folder / "model.gguf"
    path.write_bytes(RawGguf(keys=tuple(keys)).to_bytes())
    return read_tokens(read_header(path))


@needs_vocabularies
@pytest.mark.parametrize("name", GENERATIVE)
def test_real_vocabularies_are_as_llama_cpp_has_them(name: str) -> None:
    found = read_tokens(read_header(file(name)))
    with vocabulary(name) as loaded:
        assert found == TokenTable(loaded.pieces, loaded.control_ids, loaded.end_ids)


def test_byte_level_texts_are_read_in_their_alphabet(tmp_path: Path) -> None:
    tokens = [
        ("Ġa", NORMAL),
        ("Ċ", NORMAL),
        ("é", NORMAL),
        ("<x> é", USER),
        ("<e>", CONTROL),
        ("old", UNUSED),
    ]
    found = table(tmp_path, "gpt2", tokens, ends=4)
    assert found is not None
    assert list(found.pieces) == [b" a", b"\n", b"\xe9", "<x> é".encode(), b"<e>", b""]
    assert (found.control_ids, found.end_ids) == ({4}, {4})


def test_sentencepiece_texts_have_bytes_and_spaces(tmp_path: Path) -> None:
    tokens = [("<unk>", UNKNOWN), ("</s>", CONTROL), ("▁a▁é", NORMAL), ("<0x0A>", BYTE), ("▁tag", USER)]
    found = table(tmp_path, "llama", tokens, ends=1)
    assert found is not None
    assert list(found.pieces) == [b"<unk>", b"</s>", " a é".encode(), b"\n", "▁tag".encode()]
    assert (found.control_ids, found.end_ids) == ({0, 1}, {1})


def test_texts_that_end_a_generation_do_so_whatever_their_type(tmp_path: Path) -> None:
    tokens = [("a", NORMAL), ("</s>", NORMAL), ("<|im_end|>", CONTROL), ("<|im_start|>", CONTROL)]
    found = table(tmp_path, "gpt2", tokens)
    assert found is not None
    assert (found.control_ids, found.end_ids) == ({1, 2, 3}, {1, 2})


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("bert", [("a", NORMAL)]),
        ("gpt2", [("a", NORMAL), ("日", NORMAL)]),
        ("gpt2", [("a b", NORMAL)]),
        ("gpt2", [("a\nb", NORMAL)]),
        ("gpt2", [("", NORMAL), ("a", NORMAL)]),
        ("llama", [("<0xZZ>", BYTE)]),
        ("llama", [("", BYTE)]),
        ("gpt2", [("a", NORMAL)]),
    ],
    ids=[
        "another kind",
        "no byte",
        "a raw space",
        "a raw break",
        "no text",
        "no hexadecimal",
        "empty",
        "no end",
    ],
)
def test_odd_vocabularies_are_left_to_llama_cpp(
    tmp_path: Path, model: str, tokens: list[tuple[str, int]]
) -> None:
    assert table(tmp_path, model, tokens) is None


def test_a_list_of_types_that_holds_texts_is_refused(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "model.gguf", "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"t{number}" for number in range(5000)])
    writer.add_array("tokenizer.ggml.token_type", [f"{number}" for number in range(5000)])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(GgufInvalid, match="no list of numbers"):
        read_tokens(read_header(tmp_path / "model.gguf"))
