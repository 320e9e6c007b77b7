"""What GGUF files that are no language models are: each is written as its converter does, by its keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from agx.errors import GgufInvalid, ModelUnloadable
from agx.gguf.card import read_card
from agx.gguf.purpose import check_purpose
from tests.gguf.raw import BOOL, STRING, U32, RawGguf, key, tensor, text, texts, u32
from tests.tiny_gguf import write_tiny_gguf

TOKENS = texts("tokenizer.ggml.tokens", ["a"])


def words(name: str, value: str) -> bytes:
    return key(name, STRING, text(value))


def number(name: str, value: int) -> bytes:
    return key(name, U32, u32(value))


def of(architecture: str, *keys: bytes, kind: str = "model") -> list[bytes]:
    return [words("general.type", kind), words("general.architecture", architecture), *keys]


ADAPTER = of("qwen2", words("adapter.type", "lora"), kind="adapter")
BASE = words("general.base_model.0.name", "Qwen2.5 Coder")
ROW = "blk.0.ffn_up.weight"


def write(folder: Path, keys: Sequence[bytes], *tensors: str) -> Path:
    path = folder / "file.gguf"
    rows = [tensor(name, [8], offset=32 * place) for place, name in enumerate(tensors)]
    path.write_bytes(RawGguf(keys=keys, tensors=rows, data=bytes(32 * len(rows))).to_bytes())
    return path


@pytest.mark.parametrize(
    ("keys", "tensors", "kind", "words"),
    [
        (ADAPTER, [ROW + ".lora_a"], "adapter", "a LoRA adapter, which"),
        ([*ADAPTER, BASE], [ROW + ".lora_a"], "adapter", "a LoRA adapter for Qwen2.5 Coder, which"),
        (of("llama", words("adapter.type", "vera")), [ROW], "adapter", "an adapter (vera)"),
        (of("llama", kind="adapter"), [ROW], "adapter", "a LoRA adapter"),
        (of("clip", kind="mmproj"), ["v.blk.0.ffn_up.weight"], "projector", "a projector"),
        ([words("general.architecture", "clip")], ["mm.0.weight"], "projector", "a projector"),
        (of("eagle3"), [ROW], "draft-head", "a draft head"),
        (of("dflash"), [ROW], "draft-head", "a draft head"),
        (of("gemma4-assistant"), [ROW], "draft-head", "a draft head"),
        (of("qwen35_mtp"), [ROW], "draft-head", "a draft head"),
        (
            of("glm4moe", number("glm4moe.block_count", 47), number("glm4moe.nextn_predict_layers", 1)),
            ["token_embd.weight", "blk.46.nextn.eh_proj.weight"],
            "draft-head",
            "a draft head",
        ),
        ([words("general.type", "imatrix")], [ROW + ".in_sum2"], "imatrix", "an importance matrix"),
        (of("controlvector"), ["direction.1"], "control-vector", "a control vector"),
        (of("qwen3", number("qwen3.pooling_type", 3)), [ROW], "encoder", "a model for embeddings"),
        (of("bert", key("bert.attention.causal", BOOL, b"\0")), [ROW], "encoder", "a model for embeddings"),
        (of("t5"), [ROW], "encoder", "a model for embeddings or translation"),
        (of("qwen3", number("qwen3.pooling_type", 4)), [ROW], "reranker", "a reranker"),
        (of("qwen3"), [ROW, "cls.output.weight"], "reranker", "a reranker"),
        (of("llada", key("llada.attention.causal", BOOL, b"\0")), [ROW], "diffusion", "a diffusion language"),
        (of("wavtokenizer-dec"), [ROW], "speech", "a model for speech"),
        (of("flux"), [ROW], "pictures", "a model for pictures"),
        (of("qwen2", TOKENS), [], "vocabulary", "a vocabulary without weights"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_is_named_for_what_it_is(
    tmp_path: Path, keys: Sequence[bytes], tensors: Sequence[str], kind: str, words: str
) -> None:
    card = read_card(write(tmp_path, keys, *tensors))
    assert card.purpose.kind == card.to_dict()["purpose"] == kind
    assert card.purpose.text.startswith(words)
    with pytest.raises(ModelUnloadable, match=r"file\.gguf is no model to plan with, but ") as caught:
        check_purpose(card.path, card.purpose)
    assert caught.value.hint.startswith("plan with")
    assert caught.value.details["purpose"] == kind


@pytest.mark.parametrize(
    ("keys", "tensors"),
    [
        (of("qwen2", TOKENS), [ROW]),
        (of("qwen3", number("qwen3.pooling_type", 0)), [ROW]),
        (of("assistant"), [ROW]),
        (of("glm4moe", number("glm4moe.block_count", 2), number("glm4moe.nextn_predict_layers", 1)),
         [ROW, "blk.1.nextn.eh_proj.weight"]),
        ([number("general.type", 7), words("general.architecture", "llama")], [ROW]),
    ],
    ids=["a model", "no pooling", "a name", "a model with a draft head of its own", "a type that is no text"],
)  # fmt: skip
def test_a_language_model_is_one(tmp_path: Path, keys: Sequence[bytes], tensors: Sequence[str]) -> None:
    card = read_card(write(tmp_path, keys, *tensors))
    assert card.purpose.is_text
    check_purpose(card.path, card.purpose)


def test_the_embedded_kind_of_model_is_one(tmp_path: Path) -> None:
    assert read_card(write_tiny_gguf(tmp_path / "tiny.gguf")).purpose.is_text


def test_only_an_importance_matrix_may_lack_an_architecture(tmp_path: Path) -> None:
    with pytest.raises(GgufInvalid, match="no other key tells"):
        read_card(write(tmp_path, [words("general.type", "adapter")], ROW))
