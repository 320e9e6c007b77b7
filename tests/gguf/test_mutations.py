"""Damaged files: a typed error with field and offset, or a card that is right; never anything else."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import gguf
import pytest

from agx.errors import AgxError, GgufInvalid, ModelUnloadable
from agx.gguf import ModelCard, read_card
from agx.worker.client import WorkerClient
from agx.worker.protocol import LoadRequest
from tests.gguf.mutations import KINDS, mutations
from tests.tiny_gguf import write_tiny_gguf

NUM_FILES = 5_000
MOST_BYTES = 64 << 20
NUM_LOADED = 40
PROGRAM = """
import resource, sys
from pathlib import Path
from agx.errors import AgxError
from agx.gguf import read_card
from tests.gguf.mutations import mutations
whole, folder, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
path = folder / "mutated.gguf"
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
read_card(whole)
before = peak()
for name, data in mutations(whole, count, seed=2):
    path.write_bytes(data)
    try:
        read_card(path)
    except AgxError:
        pass
print((peak() - before) * (1 if sys.platform == "darwin" else 1024))
"""


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


def test_damaged_files_take_little_memory(tmp_path: Path) -> None:
    whole = write_tiny_gguf(tmp_path / "whole.gguf")
    command = [sys.executable, "-c", PROGRAM, str(whole), str(tmp_path), str(NUM_FILES // 5)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert int(done.stdout) < MOST_BYTES


async def test_what_the_reader_lets_through_loads_or_ends_in_a_typed_error(tmp_path: Path) -> None:
    whole, path = write_tiny_gguf(tmp_path / "whole.gguf"), tmp_path / "mutated.gguf"
    outcomes = Counter[str]()
    for name, data in mutations(whole, NUM_FILES, seed=3):
        path.write_bytes(data)
        if "flipped weight" in name or not isinstance(_card_or_error(path), ModelCard):
            continue
        client = WorkerClient(LoadRequest(str(path), device="cpu"))
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
