"""Models whose vocabulary is odd: they plan, or are refused in a sentence; the worker lives on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agx.backends.llamacpp import LlamaCppBackend
from agx.backends.plan_requests import PlanOptions
from agx.backends.plans import generate_plan
from agx.backends.specs import LlamaCppSpec
from agx.errors import ModelUnloadable, PlanTruncated
from agx.requests import LoadOptions, Parameters
from tests.architectures.vocabularies import TEMPLATES, Tokens, file, is_there, read_vocabulary, vocabulary
from tests.architectures.writer import write_model
from tests.gguf.raw import ARCHITECTURE, STRING, RawGguf, key, text

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
FEW_TOKENS = PlanOptions(Parameters(temperature=2.0, max_tokens=24), seed=1)


async def text_of_plan(folder: Path, tokens: Tokens, *, num_rows: int | None = None) -> str:
    """Plan with a model that has these tokens, and give the text; raises what the load raises."""
    path = folder / "model.gguf"
    write_model(path, "llama", quantisation="F16", tokens=tokens, num_rows=num_rows)
    backend = LlamaCppBackend(LlamaCppSpec(path, load=LoadOptions(device="cpu", threads=1)))
    try:
        return (await generate_plan(backend, "list all files", options=FEW_TOKENS)).text
    except PlanTruncated as error:
        return error.text
    finally:
        await backend.aclose()


def spelled_with_spaces(*, has_bytes: bool = True, types: Sequence[int] | None = None) -> Tokens:
    """Return a vocabulary as SentencePiece makes them: characters, a few words, and perhaps the 256 bytes."""
    words = ["<unk>", "<s>", "</s>", *map(chr, range(0x21, 0x7F)), "▁", "▁list", "tasks", "▁{"]
    kinds = [UNKNOWN, CONTROL, CONTROL, *[NORMAL] * (len(words) - 3)]
    if has_bytes:
        words += [f"<0x{byte:02X}>" for byte in range(256)]
        kinds += [BYTE] * 256
    return Tokens(
        model="llama",
        pre="default",
        texts=[word.encode() for word in words],
        types=types or kinds,
        scores=[-float(len(word) == 1) for word in words],
        special_ids=(("bos", 1), ("eos", 2), ("unknown", 0)),
        template=TEMPLATES["llama-spm"],
    )


async def test_a_vocabulary_that_begins_texts_with_a_space_plans(tmp_path: Path) -> None:
    assert (await text_of_plan(tmp_path, spelled_with_spaces())).startswith('{"tasks":[{"command":"')


async def test_a_tokenizer_that_would_end_the_process_is_refused(tmp_path: Path) -> None:
    """llama.cpp throws what nobody catches at the first byte that SentencePiece has no token for."""
    with pytest.raises(ModelUnloadable, match="has no token for '\\\\x00' alone"):
        await text_of_plan(tmp_path, spelled_with_spaces(has_bytes=False))


@pytest.mark.skipif(not is_there("bert-bge"), reason="the vocabulary is not here")
async def test_word_pieces_cannot_write_a_plan(tmp_path: Path) -> None:
    """In WordPiece every sign has a space before it, so JSON without spaces cannot be written."""
    with pytest.raises(ModelUnloadable, match="cannot write plans"):
        await text_of_plan(tmp_path, read_vocabulary(file("bert-bge"), template=TEMPLATES["gpt-2"]))


@pytest.mark.skipif(not is_there("bert-bge"), reason="the vocabulary is not here")
async def test_an_encoder_is_refused_before_it_is_loaded() -> None:
    backend = LlamaCppBackend(LlamaCppSpec(file("bert-bge"), load=LoadOptions(device="cpu")))
    with pytest.raises(ModelUnloadable, match="a model for embeddings"):
        await backend.model_facts()
    await backend.aclose()


async def test_an_adapter_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "lora.gguf"
    path.write_bytes(RawGguf((ARCHITECTURE, key("general.type", STRING, text("adapter")))).to_bytes())
    backend = LlamaCppBackend(LlamaCppSpec(path, load=LoadOptions(device="cpu")))
    with pytest.raises(ModelUnloadable, match="no model to plan with, but a LoRA adapter") as caught:
        await backend.model_facts()
    assert "into which it was merged" in caught.value.hint
    await backend.aclose()


async def test_a_vocabulary_without_an_end_is_refused(tmp_path: Path) -> None:
    """llama.cpp takes token 11 for the end then, here as often a comma: no plan could have one."""
    tokens = vocabulary("bytes")
    texts = sorted(tokens.texts[:256])
    assert texts[11] == b","
    with pytest.raises(ModelUnloadable, match="no token that ends a text"):
        await text_of_plan(tmp_path, replace(tokens, texts=texts, types=[NORMAL] * 256, special_ids=()))


async def test_a_token_without_a_text_is_never_written(tmp_path: Path) -> None:
    tokens = vocabulary("bytes")
    odd = replace(tokens, texts=[*tokens.texts, b""], types=[*tokens.types, UNUSED])
    assert (await text_of_plan(tmp_path, odd)).startswith('{"tasks":[{"command":"')


@pytest.mark.parametrize("size", [1024, 1025, 70_000])
async def test_a_very_long_token_keeps_no_model_from_planning(tmp_path: Path, size: int) -> None:
    tokens = vocabulary("bytes")
    longer = replace(tokens, texts=[*tokens.texts, b"x" * size], types=[*tokens.types, NORMAL])
    text = await text_of_plan(tmp_path, longer)
    assert text.startswith('{"tasks":[{"command":"')
    assert "x" * 99 not in text


async def test_rows_without_a_token_are_refused(tmp_path: Path) -> None:
    """Converters give names to the rows that pad an embedding; a file without them is damaged."""
    with pytest.raises(ModelUnloadable, match="wrong shape"):
        await text_of_plan(tmp_path, vocabulary("bytes"), num_rows=288)


async def test_rows_with_made_up_tokens_plan(tmp_path: Path) -> None:
    tokens = vocabulary("bytes")
    pads = [b"[PAD%d]" % number for number in range(29)]
    padded = replace(tokens, texts=[*tokens.texts, *pads], types=[*tokens.types, *[UNUSED] * len(pads)])
    text = await text_of_plan(tmp_path, padded)
    assert text.startswith('{"tasks":[{"command":"')
    assert "PAD" not in text


@pytest.mark.parametrize("model", ["no_vocab", "none"])
async def test_a_model_without_a_vocabulary_is_refused(tmp_path: Path, model: str) -> None:
    with pytest.raises(ModelUnloadable):
        await text_of_plan(tmp_path, replace(vocabulary("bytes"), model=model))
