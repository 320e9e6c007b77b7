"""Checks of an exported planner against what was trained: same ids, same logits."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import llama_cpp
import numpy as np
import torch

from scripts.planner.batches import encode
from scripts.planner.examples import checked_draft
from scripts.planner.sequences import echo_segments, plan_text
from scripts.planner.sources import read_lines
from scripts.planner.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from scripts.planner.model import PlannerModel

NUM_LINES = 2000
NUM_PROMPTS = 5
MAX_DIFFERENCE = 0.5  # of logits that span some 20; F16 and llama.cpp's own rounding give below a tenth


def check(model: PlannerModel, tokenizer_path: Path, gguf_path: Path, *, rows_path: Path) -> None:
    """Compare ids and logits on real rows and print the result; raise where they differ."""
    tokenizer = load_tokenizer(tokenizer_path)
    rows = list(read_lines(rows_path))
    texts = [text for row in rows for text in (row["nl"], plan_text(row["tasks"]), row.get("cmd", ""))]
    different = different_texts(tokenizer, gguf_path, texts[:NUM_LINES])
    print(f"ids: {len(different)} of {len(texts[:NUM_LINES])} texts differ")
    if different:
        raise ValueError(f"llama.cpp tokenises differently: {json.dumps(different[0])}")
    pairs = [(row["nl"], row["tasks"]) for row in rows[:NUM_PROMPTS]]
    echo = [echo_segments(nl, tasks) for nl, tasks in pairs]
    delta = [checked_draft(nl, tasks, draft=tasks) for nl, tasks in pairs]
    sequences = [encode(tokenizer, segments)[0] for segments in [*echo, *delta]]
    difference = max(largest_difference(model, gguf_path, ids) for ids in sequences)
    print(f"logits: differ by at most {difference:.4f}")
    if difference > MAX_DIFFERENCE:
        raise ValueError(f"llama.cpp's logits differ by {difference:.4f}, more than rounding explains")


def different_texts(tokenizer: Tokenizer, gguf_path: Path, texts: Iterable[str]) -> list[str]:
    """Return the texts of which llama.cpp makes other ids than the tokenizer."""
    with closing(llama_cpp.Llama(str(gguf_path), vocab_only=True, verbose=False)) as llama:
        return [text for text in texts if _llama_ids(llama, text) != _ids(tokenizer, text)]


def largest_difference(model: PlannerModel, gguf_path: Path, ids: list[int]) -> float:
    """Return the largest difference of a logit between torch and llama.cpp over a sequence."""
    with closing(
        llama_cpp.Llama(str(gguf_path), n_ctx=len(ids), logits_all=True, n_threads=1, verbose=False)
    ) as llama:
        llama.eval(ids)
        theirs: NDArray[np.float32] = llama.scores[: len(ids)].copy()
    with torch.no_grad():
        ours = model.logits(model(torch.tensor([ids])))[0].numpy()
    return float(np.abs(ours - theirs).max())


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def _llama_ids(llama: llama_cpp.Llama, text: str) -> list[int]:
    return list(llama.tokenize(text.encode(), add_bos=False, special=False))
