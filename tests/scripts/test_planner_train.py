"""Model and training: the loss falls, and a resumed run goes on where it was."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training tools are missing: pip install agx[train]")
pytest.importorskip("tokenizers", reason="the training tools are missing: pip install agx[train]")

import numpy as np
import torch

from scripts.planner.batches import Batch
from scripts.planner.model import DropoutPool, attend, rotary_table, rotate
from scripts.planner.state import load_checkpoint, new_state, save_checkpoint, update_average
from scripts.planner.train import (
    development_loss,
    learning_rate_factor,
    parse_options,
    progress_of,
    stream_config,
    train_step,
)

VOCABULARY_SIZE = 50
# Norms keep their weights in float32 under autocast: torch says once that this is slower.
pytestmark = pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


def _options(*arguments: str) -> argparse.Namespace:
    shape = "--layers 1 --width 32 --heads 2 --kv-heads 1 --ffn-width 64".split()
    schedule = "--steps 40 --warmup 2 --device cpu --no-compile".split()
    return parse_options(["data", "tokenizer.json", "planner.pt", *shape, *schedule, *arguments])


def _batch(seed: int = 0) -> Batch:
    ids = np.random.default_rng(seed).integers(1, VOCABULARY_SIZE, (4, 12))
    is_target = np.zeros((4, 12), dtype=np.bool_)
    is_target[:, 5:] = True
    return Batch(ids, is_target)


@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_the_loss_falls(optimiser: str) -> None:
    options = _options("--optimiser", optimiser, "--dropout", "0.1")
    state = new_state(options, VOCABULARY_SIZE)
    batch = _batch()
    losses = [train_step(state, batch, options) for _ in range(20)]
    assert losses[0] == pytest.approx(np.log(VOCABULARY_SIZE), rel=0.05), "it begins by knowing nothing"
    assert losses[-1] < 0.8 * losses[0]
    assert development_loss(state, [batch]) < losses[0], "the average learns as well"


@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_a_resumed_run_takes_the_same_step(tmp_path: Path, optimiser: str) -> None:
    options = _options("--optimiser", optimiser, "--dropout", "0")
    state, resumed = new_state(options, VOCABULARY_SIZE), new_state(options, VOCABULARY_SIZE)
    for seed in range(5):
        train_step(state, _batch(seed), options)
    state.elapsed_secs = 12.5
    save_checkpoint(state, tmp_path / "planner.pt", options)
    assert [path.name for path in tmp_path.iterdir()] == ["planner.pt"]
    load_checkpoint(resumed, tmp_path / "planner.pt")
    assert (resumed.step, resumed.elapsed_secs) == (5, 12.5)
    assert train_step(resumed, _batch(9), options) == train_step(state, _batch(9), options)
    assert resumed.step == state.step == 6
    for one, other in ((state.model, resumed.model), (state.average, resumed.average)):
        assert all(map(torch.equal, one.parameters(), other.parameters()))


def test_the_average_follows_the_weights() -> None:
    state = new_state(_options(), VOCABULARY_SIZE)
    before = copy.deepcopy(state.average.embedding.weight)
    with torch.no_grad():
        state.model.embedding.weight.add_(1.0)
    update_average(state, 0.9)
    assert torch.allclose(state.average.embedding.weight, before + 0.1, atol=1e-6)
    update_average(state, 0.0)
    assert torch.equal(state.average.embedding.weight, state.model.embedding.weight)


def test_the_learning_rate_rises_and_falls() -> None:
    assert learning_rate_factor(0, 10, 0.0) == pytest.approx(0.1)
    assert learning_rate_factor(9, 10, 0.0) == pytest.approx(1.0)
    assert learning_rate_factor(50, 10, 0.5) == pytest.approx(0.525)
    assert learning_rate_factor(100, 10, 1.5) == pytest.approx(0.05)
    assert learning_rate_factor(0, 0, 0.0) == pytest.approx(1.0), "without a warm-up"


def test_steps_or_time_end_a_run() -> None:
    options = _options("--minutes", "10")
    state = new_state(options, VOCABULARY_SIZE)
    state.step, state.elapsed_secs = 10, 60.0
    assert progress_of(state, options) == pytest.approx(0.25)
    state.elapsed_secs = 300.0
    assert progress_of(state, options) == pytest.approx(0.5)


def test_a_resumed_run_draws_other_examples() -> None:
    options = _options("--mix", "nl2bash=1.5,tldr=0.7", "--seed", "4")
    config = stream_config(options, step=100)
    assert config.seed == 104
    assert config.mix == {"nl2bash": 1.5, "tldr": 0.7}


def test_no_position_sees_a_later_one() -> None:
    state = new_state(_options(), VOCABULARY_SIZE)
    ids = torch.arange(1, 11)[None]
    changed = ids.clone()
    changed[0, 6:] = 20
    with torch.no_grad():
        one, other = state.average(ids), state.average(changed)
    assert torch.equal(one[:, :6], other[:, :6])
    assert not torch.allclose(one[:, 6:], other[:, 6:])


def test_attention_is_what_torch_computes() -> None:
    query, key, value = torch.randn(3, 2, 4, 7, 16, generator=torch.Generator().manual_seed(0)).unbind()
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    assert torch.allclose(attend(query, key, value), expected, atol=1e-5)


def test_rotation_keeps_lengths_and_depends_on_the_distance_only() -> None:
    shape = new_state(_options(), VOCABULARY_SIZE).model.shape
    cosines, sines = rotary_table(shape)
    head = torch.randn(1, 1, 1, shape.head_width, generator=torch.Generator().manual_seed(0))
    turned = rotate(head.expand(1, 1, 20, -1), (cosines[:20], sines[:20]))[0, 0]
    assert torch.allclose(turned.norm(dim=-1), head.norm().expand(20), atol=1e-4)
    assert turned[2] @ turned[5] == pytest.approx(float(turned[12] @ turned[15]), abs=1e-3)


def test_dropout_keeps_the_mean() -> None:
    pool = DropoutPool(0.25)
    hidden = torch.ones(4, 50, 64)
    masks = [mask for _ in range(20) for mask in pool.masks(hidden) or ()]
    assert sorted(set(torch.stack(masks).flatten().tolist())) == pytest.approx([0.0, 1 / 0.75], rel=0.01)
    assert float(torch.stack(masks).float().mean()) == pytest.approx(1.0, abs=0.02)
    assert DropoutPool(0.0).masks(hidden) is None
