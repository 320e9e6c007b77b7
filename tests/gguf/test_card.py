"""The model card: what the header says, in the field's terms, and refusals of what cannot be."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from agx.errors import GgufInvalid, ModelMissing
from agx.gguf import read_card
from agx.gguf.reader import read_header
from agx.gguf.types import TENSOR_TYPES
from tests.gguf.raw import ARCHITECTURE, ARRAY, BOOL, F32, STRING, U32, RawGguf, key, text, texts, u32, u64
from tests.tiny_gguf import CHAT_TEMPLATE, TinyModel, write_tiny_gguf

VOCABULARIES = Path(__file__).parents[3] / "shared" / "data" / "gguf-vocab"
FILES = sorted(VOCABULARIES.glob("*.gguf"))
HEADS = key("llama.attention.head_count", U32, u32(8))


def write(folder: Path, *keys: bytes) -> Path:
    path = folder / "model.gguf"
    path.write_bytes(RawGguf(keys=keys).to_bytes())
    return path


def test_a_card_says_what_the_file_holds(tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "tiny.gguf", TinyModel(num_layers=3))
    card = read_card(path)
    reader = gguf.GGUFReader(path)
    assert (card.architecture, card.name, card.files) == ("qwen3", "tiny", (path,))
    assert (card.layers.num_layers, card.layers.num_heads, card.layers.num_kv_heads) == (3, 4, (2, 2, 2))
    assert (card.layers.key_width, card.layers.value_width, card.context_length) == (16, 16, 1024)
    assert card.num_parameters == sum(int(np.prod(tensor.shape)) for tensor in reader.tensors)
    assert len(card.weights.layers) == 3
    assert card.weights.is_tied
    assert card.weights.total == sum(int(tensor.n_bytes) for tensor in reader.tensors)
    assert (card.main_type, set(card.quantisation)) == ("F16", {"F16", "F32"})
    assert (card.tokenizer, card.pre_tokenizer) == ("gpt2", "gpt-2")
    assert card.chat_template == CHAT_TEMPLATE
    assert card.planner_tools == "unix"
    assert card.size_bytes == path.stat().st_size


def test_the_architecture_of_an_older_file_is_told_by_its_other_keys(tmp_path: Path) -> None:
    assert read_card(write(tmp_path, key("qwen2.attention.head_count", U32, u32(8)))).architecture == "qwen2"
    with pytest.raises(GgufInvalid, match="no other key tells"):
        read_card(write(tmp_path, key("general.name", STRING, text("x"))))


def test_widths_follow_from_the_heads_unless_the_file_says_them(tmp_path: Path) -> None:
    keys = [ARCHITECTURE, HEADS, key("llama.embedding_length", U32, u32(512))]
    keys.append(key("llama.block_count", U32, u32(2)))
    assert read_card(write(tmp_path, *keys)).layers.key_width == 64
    keys.append(key("llama.attention.key_length", U32, u32(128)))
    layers = read_card(write(tmp_path, *keys)).layers
    assert (layers.key_width, layers.value_width) == (128, 64)


def test_heads_may_differ_between_layers(tmp_path: Path) -> None:
    heads = key("llama.attention.head_count_kv", ARRAY, u32(U32) + u64(3) + u32(2) + u32(0) + u32(4))
    card = read_card(write(tmp_path, ARCHITECTURE, HEADS, key("llama.block_count", U32, u32(3)), heads))
    assert card.layers.num_kv_heads == (2, 0, 4)


def test_sampling_advice_has_the_names_of_our_parameters(tmp_path: Path) -> None:
    temperature = key("general.sampling.temp", F32, np.float32(0.7).tobytes())
    top_k = key("general.sampling.top_k", U32, u32(20))
    card = read_card(write(tmp_path, ARCHITECTURE, temperature, top_k))
    assert card.sampling == {"temperature": 0.7, "top_k": 20}


WRONG = {
    "no layer": (key("llama.block_count", U32, u32(0)), "llama.block_count"),
    "513 layers": (key("llama.block_count", U32, u32(513)), "llama.block_count"),
    "a layer in words": (key("llama.block_count", STRING, text("many")), "llama.block_count"),
    "a length above 31 bits": (key("llama.context_length", U32, u32(2**31)), "llama.context_length"),
    "true heads": (key("llama.attention.head_count", BOOL, b"\1"), "llama.attention.head_count"),
    "a template that is a number": (key("tokenizer.chat_template", U32, u32(1)), "tokenizer.chat_template"),
    "tokens that are numbers": (
        key("tokenizer.ggml.tokens", ARRAY, u32(U32) + u64(1) + u32(1)),
        "tokenizer.ggml.tokens",
    ),
    "more scores than tokens": (
        texts("tokenizer.ggml.tokens", ["a"])
        + key("tokenizer.ggml.scores", ARRAY, u32(F32) + u64(2) + bytes(8)),
        "tokenizer.ggml.scores",
    ),
    "fewer types than tokens": (
        texts("tokenizer.ggml.tokens", ["a", "b"])
        + key("tokenizer.ggml.token_type", ARRAY, u32(5) + u64(1) + bytes(4)),
        "tokenizer.ggml.token_type",
    ),
}


@pytest.mark.parametrize(("keys", "field"), WRONG.values(), ids=WRONG.keys())
def test_a_value_that_cannot_be_is_refused_with_its_place(tmp_path: Path, keys: bytes, field: str) -> None:
    raw = RawGguf(keys=(ARCHITECTURE, keys), num_keys=3 if keys.count(b"tokenizer.ggml.") == 2 else 2)
    path = tmp_path / "model.gguf"
    path.write_bytes(raw.to_bytes())
    with pytest.raises(GgufInvalid) as caught:
        read_card(path)
    assert caught.value.field == field
    assert path.read_bytes()[caught.value.offset + 8 :].startswith(field.encode())


def _split(folder: Path) -> list[Path]:
    """Write a tiny model in three parts, as llama.cpp's gguf-split does."""
    writer = gguf.GGUFWriter(folder / "part.gguf", "llama", split_max_tensors=2)
    writer.add_block_count(1)
    for number in range(6):
        writer.add_tensor(f"t{number}", np.zeros((2, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return sorted(folder.glob("part-*.gguf"))


def test_the_parts_of_a_split_file_are_one_model(tmp_path: Path) -> None:
    parts = _split(tmp_path)
    assert len(parts) == 3
    whole = [read_card(part) for part in parts]
    assert whole[0] == whole[1] == whole[2]
    assert whole[0].files == tuple(parts)
    assert whole[0].num_parameters == 6 * 64
    assert whole[0].path == parts[0]


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    parts = _split(tmp_path)
    parts[1].unlink()
    with pytest.raises(ModelMissing, match="part-00002-of-00003"):
        read_card(parts[0])


def test_a_part_in_the_wrong_place_is_refused(tmp_path: Path) -> None:
    parts = _split(tmp_path)
    parts[1].write_bytes(parts[2].read_bytes())
    with pytest.raises(GgufInvalid, match="part 2 of 3"):
        read_card(parts[0])


def test_the_table_of_tensor_types_is_that_of_gguf() -> None:
    known = {int(kind): sizes for kind, sizes in gguf.constants.GGML_QUANT_SIZES.items()}
    known[9] = (32, 36)  # gguf counts Q8_1's sum as a float; llama.cpp stores it in half of that
    ours = {number: (kind.block_items, kind.block_bytes) for number, kind in TENSOR_TYPES.items()}
    assert {number: ours[number] for number in known} == known


@pytest.mark.skipif(not FILES, reason=f"the real vocabularies are not at {VOCABULARIES}")
@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_real_vocabulary_agrees_with_gguf_field_by_field(path: Path) -> None:
    header, reader = read_header(path), gguf.GGUFReader(path)
    theirs = {name: field for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    assert header.metadata.keys() == theirs.keys()
    for name, field in theirs.items():
        value = header.metadata[name]
        if field.types[0] != gguf.GGUFValueType.ARRAY:
            assert value == field.contents(), name
        elif field.types[1] == gguf.GGUFValueType.STRING:
            assert header.strings(name) == [bytes(field.parts[index]) for index in field.data], name
        else:
            length = len(value) if isinstance(value, tuple) else getattr(value, "length", None)
            assert length == len(field.data), name
    card = read_card(path)
    assert card.vocab_size == len(theirs["tokenizer.ggml.tokens"].data)
