"""Batches: fixed shapes, padding, and that only the plan is to be predicted."""

from __future__ import annotations

import json
import random
from itertools import islice
from pathlib import Path

import pytest

pytest.importorskip("tokenizers", reason="the training tools are missing: pip install agx[train]")

import numpy as np
from tokenizers import Tokenizer

from scripts.planner.batches import (
    LENGTHS,
    BackgroundBatches,
    StreamConfig,
    batched,
    encode,
    epochs,
    plain_batches,
    sampled_batches,
)
from scripts.planner.sequences import delta_segments, echo_segments, plan_text
from scripts.planner.tokenizer import load_tokenizer, train_tokenizer

TOKENS_PER_BATCH = 256
TASKS = [{"command": "wc", "args": ["-l", "notes.txt"]}]
ROWS = [
    {"nl": f"count the lines of notes{number}.txt", "tasks": TASKS, "source": "one" if number % 2 else "two"}
    for number in range(20)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with rows and a tokenizer."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    texts = (text for row in ROWS for text in (str(row["nl"]), plan_text(TASKS)))
    train_tokenizer(texts, 300).save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer."""
    return load_tokenizer(folder / "tokenizer.json")


def _config(folder: Path, rows: str = "train.jsonl") -> StreamConfig:
    return StreamConfig(
        rows_path=folder / rows,
        tokenizer_path=folder / "tokenizer.json",
        delta_share=0.5,
        mix={},
        tokens_per_batch=TOKENS_PER_BATCH,
        seed=3,
    )


@pytest.mark.parametrize(
    "segments",
    [echo_segments("count", TASKS), delta_segments("count", TASKS, draft="{}", findings="no findings")],
    ids=["echo", "delta"],
)
def test_the_plan_and_its_end_are_to_be_predicted(
    tokenizer: Tokenizer, segments: tuple[tuple[str, str], ...]
) -> None:
    ids, is_target = encode(tokenizer, segments)
    tokens = [tokenizer.id_to_token(number) for number in ids]
    assert is_target == [at > tokens.index("<|plan|>") for at in range(len(tokens))]
    predicted = [number for number, target in zip(ids, is_target, strict=True) if target]
    assert tokenizer.decode(predicted, skip_special_tokens=False) == plan_text(TASKS) + "<|end|>"


def test_batches_are_full_and_of_fixed_lengths() -> None:
    """What does not fit is dropped; what is left at the end comes in smaller batches."""
    lengths = [5] * 20 + [33] * 7 + [LENGTHS[-1] + 1]
    sequences = [([7] * length, [False] * (length - 2) + [True] * 2) for length in lengths]
    batches = list(batched(sequences, TOKENS_PER_BATCH, 0))
    assert [batch.ids.shape for batch in batches] == [(8, 32), (8, 32), (6, 40), (4, 32), (1, 40)]
    for batch in batches:
        assert batch.ids.shape == batch.is_target.shape
        assert (batch.ids[batch.is_target] == 7).all()
        assert (batch.is_target.sum(axis=1) == 2).all()
    assert (batches[0].ids[:, 5:] == 0).all(), "padding"


def test_a_batch_holds_one_sequence_at_least() -> None:
    batches = list(batched([([7] * 100, [True] * 100)] * 2, 64, 0))
    assert [batch.ids.shape for batch in batches] == [(1, 112)] * 2


def test_a_row_comes_as_often_as_its_source_says() -> None:
    drawn = list(islice(epochs(ROWS, {"one": 2.0, "two": 0.5}, random.Random(0)), 2500))
    num_one = sum(row["source"] == "one" for row in drawn)
    assert 0.75 <= num_one / len(drawn) <= 0.85


def test_the_seed_decides(folder: Path) -> None:
    first, second = (list(islice(sampled_batches(_config(folder)), 3)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.ids, other.ids)
        assert np.array_equal(one.is_target, other.is_target)
    assert first[0].ids.shape[1] in LENGTHS


def test_the_development_set_comes_once_and_unchanged(folder: Path, tokenizer: Tokenizer) -> None:
    batches = plain_batches(folder / "train.jsonl", folder / "tokenizer.json", TOKENS_PER_BATCH)
    texts = [tokenizer.decode(list(ids)) for batch in batches for ids in batch.ids]
    assert sorted(texts) == sorted(str(row["nl"]) + plan_text(TASKS) for row in ROWS)


def test_a_background_process_gives_the_same_batches(folder: Path) -> None:
    stream = BackgroundBatches(_config(folder))
    try:
        received = [stream.next() for _ in range(2)]
    finally:
        stream.close()
    for one, other in zip(received, sampled_batches(_config(folder)), strict=False):
        assert np.array_equal(one.ids, other.ids)


def test_a_background_process_that_ends_is_an_error(folder: Path) -> None:
    stream = BackgroundBatches(_config(folder, rows="missing.jsonl"))
    with pytest.raises(RuntimeError, match="ended with 1"):
        stream.next()
    stream.close()
