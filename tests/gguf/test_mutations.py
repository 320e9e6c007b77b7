"""Damaged files: a typed error with field and offset, or a card that is right; never anything else."""

from __future__ import annotations

import os
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import gguf
import pytest

from agx.errors import AgxError, GgufInvalid, ModelUnloadable
from agx.gguf.card import ModelCard, read_card
from agx.requests import LoadOptions, LoadRequest
from agx.worker.client import WorkerClient
from tests.gguf.mutations import KINDS, mutations
from tests.gguf.raw import ARCHITECTURE, ARRAY, F32, STRING, U32, RawGguf, key, texts, u32, u64
from tests.tiny_gguf import write_tiny_gguf

NUM_FILES = 5_000
MOST_BYTES = 64 << 20
NUM_LOADED = 40
MOST_SECS = 1.0


def _list_of(name: str, kind: int, length: int) -> bytes:
    """Return the beginning of a list: what it says of itself."""
    return key(name, ARRAY, u32(kind) + u64(length))


def _card_or_error(path: Path) -> ModelCard | ModelUnloadable:
    try:
        return read_card(path)
    except ModelUnloadable as error:
        return error


def test_a_damaged_file_is_a_typed_error_or_a_right_card(tmp_path: Path) -> None:
    whole, path = write_tiny_gguf(tmp_path / "whole.gguf"), tmp_path / "mutated.gguf"
    refused, accepted = Counter[str](), Counter[str]()
    for name, data in mutations(whole, NUM_FILES, seed=1):
        path.write_bytes(data)
        outcome = _card_or_error(path)
        kind = name.partition(" ")[2]
        if isinstance(outcome, ModelCard):
            accepted[kind] += 1
            if sum(accepted.values()) % 10 == 0:
                _compare(outcome, path, name)
            continue
        refused[kind] += 1
        if isinstance(outcome, GgufInvalid):
            assert outcome.field, name
            assert 0 <= outcome.offset <= len(data), name
        else:
            assert "is no GGUF file" in outcome.message, name
    harmless = {"flipped weight", "embedding_length", "context_length"}
    assert set(refused) == {kind for kind, _ in KINDS} - harmless
    assert set(accepted) >= harmless | {"flipped bits"}
    assert accepted["token twice"] < refused["token twice"]  # where no other token is as long


def _compare(card: ModelCard, path: Path, name: str) -> None:
    """Compare a card with what gguf's own reader says of the same damaged file."""
    try:
        reader = gguf.GGUFReader(path)
    except Exception:  # noqa: BLE001 - a name that is no UTF-8, a type it does not know: it has no card to give
        return
    field = reader.fields.get("general.architecture")
    if field is not None:
        assert card.architecture == str(field.contents()), name
    block_count = reader.fields.get(f"{card.architecture}.block_count")
    assert card.layers.num_layers == (0 if block_count is None else block_count.contents()), name
    assert card.num_parameters == sum(int(tensor.n_elements) for tensor in reader.tensors), name


def _cost(path: Path) -> tuple[int, float]:
    """Return the bytes and the seconds of the processor that reading a file takes."""
    started = time.process_time()
    _card_or_error(path)
    secs = time.process_time() - started
    tracemalloc.start()
    try:
        _card_or_error(path)
        return tracemalloc.get_traced_memory()[1], secs
    finally:
        tracemalloc.stop()


def test_damaged_files_take_little_memory_and_time(tmp_path: Path) -> None:
    whole, path = write_tiny_gguf(tmp_path / "whole.gguf"), tmp_path / "mutated.gguf"
    for name, data in mutations(whole, NUM_FILES // 5, seed=2):
        path.write_bytes(data)
        size_bytes, secs = _cost(path)
        assert size_bytes < MOST_BYTES, name
        assert secs < MOST_SECS, name


NULS = 1 << 20
TEXT = u64(NULS) + b"\xff" * (NULS - 4) + "😀".encode()  # a character of Python takes four bytes then
LARGE: dict[str, tuple[RawGguf, int]] = {
    "a token for each of 64 Mi": (
        RawGguf(keys=(ARCHITECTURE, _list_of("tokenizer.ggml.tokens", STRING, 64 << 20))),
        8 * (64 << 20),
    ),
    "a merge for each of 64 Mi": (
        RawGguf(keys=(ARCHITECTURE, _list_of("tokenizer.ggml.merges", STRING, 64 << 20))),
        8 * (64 << 20),
    ),
    "a million merges": (
        RawGguf(keys=(ARCHITECTURE, _list_of("tokenizer.ggml.merges", STRING, 1 << 20))),
        8 * (1 << 20),
    ),
    "texts that are long together": (
        RawGguf(keys=(ARCHITECTURE, *(key(f"k{number}", STRING, TEXT) for number in range(20)))),
        0,
    ),
    "a text that is too long to be kept": (
        RawGguf(keys=(ARCHITECTURE, key("general.description", STRING, u64(16 << 20)))),
        16 << 20,
    ),
    "lists of numbers that are long together": (
        RawGguf(
            keys=(
                ARCHITECTURE,
                *(_list_of(f"k{number}", F32, 4096) + bytes(4 * 4096) for number in range(800)),
            )
        ),
        0,
    ),
    "lists of texts that are long together": (
        RawGguf(keys=(ARCHITECTURE, *(texts(f"k{number}", ["ab"] * 4096) for number in range(80)))),
        0,
    ),
    "keys that are long together": (
        RawGguf(keys=(ARCHITECTURE, *(key(f"{number:060000}", U32, u32(1)) for number in range(400)))),
        0,
    ),
}


@pytest.mark.parametrize(("raw", "more"), LARGE.values(), ids=LARGE.keys())
def test_a_large_hostile_file_takes_little_memory_and_time(tmp_path: Path, raw: RawGguf, more: int) -> None:
    path = tmp_path / "large.gguf"
    path.write_bytes(raw.to_bytes())
    os.truncate(path, path.stat().st_size + more)
    size_bytes, secs = _cost(path)
    assert size_bytes < MOST_BYTES
    assert secs < MOST_SECS


async def test_what_the_reader_lets_through_loads_or_ends_in_a_typed_error(tmp_path: Path) -> None:
    whole, path = write_tiny_gguf(tmp_path / "whole.gguf"), tmp_path / "mutated.gguf"
    outcomes = Counter[str]()
    for name, data in mutations(whole, NUM_FILES, seed=3):
        path.write_bytes(data)
        if "flipped weight" in name or not isinstance(_card_or_error(path), ModelCard):
            continue
        client = WorkerClient(LoadRequest(str(path), LoadOptions(device="cpu")))
        try:
            await client.loaded()
            outcomes["loaded"] += 1
        except AgxError as error:
            outcomes[error.code] += 1
        finally:
            await client.aclose()
        if outcomes.total() == NUM_LOADED:
            break
    assert outcomes["loaded"], outcomes
    assert outcomes["AgxError"] == 0, outcomes


@pytest.mark.parametrize("count", [0, 513])
def test_a_number_of_layers_that_llama_cpp_aborts_on_is_refused(tmp_path: Path, count: int) -> None:
    whole = write_tiny_gguf(tmp_path / "whole.gguf")
    data = bytearray(whole.read_bytes())
    place = data.index(b"qwen3.block_count") + len("qwen3.block_count") + 4
    data[place : place + 4] = count.to_bytes(4, "little")
    whole.write_bytes(data)
    with pytest.raises(GgufInvalid, match=f"block_count is {count}"):
        read_card(whole)
