"""Rows to batches of a few fixed shapes, made in one background process.

Every use of a row is sampled and tokenised afresh, so that augmentation never repeats itself.
Sequences are padded to the next of `LENGTHS` and wait until a batch of that length is full:
each batch has about the same number of tokens, and there are as many shapes to compile as
lengths. Longer sequences are dropped.
"""

from __future__ import annotations

import multiprocessing
import os
import random
from dataclasses import dataclass
from queue import Full
from typing import TYPE_CHECKING

import numpy as np

from scripts.planner.examples import ExampleStream
from scripts.planner.sequences import PAD, PLAN, echo_segments
from scripts.planner.sources import read_lines
from scripts.planner.tokenizer import load_tokenizer, special_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from multiprocessing.context import SpawnProcess
    from multiprocessing.queues import Queue
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from scripts.planner.sequences import Row, Segments

LENGTHS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 256, 384)
NUM_WAITING_BATCHES = 16

Encoded = tuple[list[int], list[bool]]


@dataclass(frozen=True)
class Batch:
    """Token ids (batch, length), and which of them are to be predicted."""

    ids: NDArray[np.int64]
    is_target: NDArray[np.bool_]


@dataclass(frozen=True)
class StreamConfig:
    """What a background process needs to make batches: all of it can be sent to a process."""

    rows_path: Path
    tokenizer_path: Path
    delta_share: float
    mix: Mapping[str, float]
    tokens_per_batch: int
    seed: int


def encode(tokenizer: Tokenizer, segments: Segments) -> Encoded:
    """Return the ids of a sequence, and which of them follow `<|plan|>`."""
    ids: list[int] = []
    num_prompt = 0
    for name, text in segments:
        ids.append(special_id(tokenizer, name))
        if name == PLAN:
            num_prompt = len(ids)
        ids += tokenizer.encode(text, add_special_tokens=False).ids
    return ids, [False] * num_prompt + [True] * (len(ids) - num_prompt)


def epochs(rows: Sequence[Row], mix: Mapping[str, float], rng: random.Random) -> Iterator[Row]:
    """Yield rows for ever, shuffled anew each epoch.

    A row comes as often per epoch as its source's multiplier says; of a fraction, by chance.
    """
    while True:
        epoch = [row for row in rows for _ in range(int(mix.get(row["source"], 1.0) + rng.random()))]
        rng.shuffle(epoch)
        yield from epoch


def batched(sequences: Iterable[Encoded], tokens_per_batch: int, pad_id: int) -> Iterator[Batch]:
    """Yield full batches as they fill, then, where sequences end, the rest of each length."""
    waiting: dict[int, list[Encoded]] = {length: [] for length in LENGTHS}
    for ids, is_target in sequences:
        length = next((length for length in LENGTHS if len(ids) <= length), None)
        if length is None:
            continue
        waiting[length].append((ids, is_target))
        if len(waiting[length]) == max(1, tokens_per_batch // length):
            yield _batch(waiting[length], length, pad_id)
            waiting[length] = []
    for length, rest in waiting.items():
        if rest:
            yield _batch(rest, length, pad_id)


def sampled_batches(config: StreamConfig) -> Iterator[Batch]:
    """Return batches of sampled rows for ever."""
    rng = random.Random(config.seed)
    tokenizer = load_tokenizer(config.tokenizer_path)
    rows = list(read_lines(config.rows_path))
    stream = ExampleStream(rows, delta_share=config.delta_share)
    drawn = (stream.sample(row, rng) for row in epochs(rows, config.mix, rng))
    sequences = (encode(tokenizer, segments) for segments in drawn)
    return batched(sequences, config.tokens_per_batch, special_id(tokenizer, PAD))


def plain_batches(rows_path: Path, tokenizer_path: Path, tokens_per_batch: int) -> list[Batch]:
    """Return each row once, unchanged: the development set."""
    tokenizer = load_tokenizer(tokenizer_path)
    plain = (echo_segments(row["nl"], row["tasks"]) for row in read_lines(rows_path))
    sequences = (encode(tokenizer, segments) for segments in plain)
    return list(batched(sequences, tokens_per_batch, special_id(tokenizer, PAD)))


class BackgroundBatches:
    """`sampled_batches` in a process of its own, a few batches ahead of the training."""

    def __init__(self, config: StreamConfig) -> None:
        context = multiprocessing.get_context("spawn")
        self._queue: Queue[Batch] = context.Queue(maxsize=NUM_WAITING_BATCHES)
        self._process: SpawnProcess = context.Process(target=_fill, args=(config, self._queue), daemon=True)
        self._process.start()

    def next(self) -> Batch:
        """Wait for the next batch; raise where the process that makes them has died."""
        while self._queue.empty():
            if not self._process.is_alive():
                raise RuntimeError(f"the process that makes batches ended with {self._process.exitcode}")
            self._process.join(timeout=0.01)
        return self._queue.get()

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join()


def _fill(config: StreamConfig, queue: Queue[Batch]) -> None:
    parent = os.getppid()
    for batch in sampled_batches(config):
        while not _offer(queue, batch):
            if os.getppid() != parent:
                return  # a training that was killed takes nothing any more


def _offer(queue: Queue[Batch], batch: Batch) -> bool:
    try:
        queue.put(batch, timeout=5)
    except Full:
        return False
    return True


def _batch(sequences: Sequence[Encoded], length: int, pad_id: int) -> Batch:
    ids = np.full((len(sequences), length), pad_id, dtype=np.int64)
    is_target = np.zeros((len(sequences), length), dtype=np.bool_)
    for row, (tokens, targets) in enumerate(sequences):
        ids[row, : len(tokens)] = tokens
        is_target[row, : len(tokens)] = targets
    return Batch(ids, is_target)
