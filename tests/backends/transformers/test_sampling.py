"""Parameters mean what they mean to llama.cpp, and a mask is kept."""

from __future__ import annotations

import math
from typing import Any

import pytest

from agx.backends.transformers.sampling import TorchSampler
from agx.requests import Parameters
from tests.tiny_transformers import needed_libraries

torch, _ = needed_libraries()
# Probabilities of four tokens: .5, .3, .15, .05
LOGITS = [math.log(each) for each in (0.15, 0.5, 0.05, 0.3)]


def sampler(seed: int = 0, **parameters: Any) -> TorchSampler:
    made = TorchSampler(torch, Parameters.from_dict(parameters), seed=seed)
    made.read(torch.tensor([LOGITS]))
    return made


def shares(draws: int = 2000, mask: bytes | None = None, **parameters: Any) -> dict[int, float]:
    """Return how often each token is drawn."""
    drawing = sampler(**parameters)
    drawn = [drawing.draw(0) if mask is None else drawing.draw_masked(0, mask) for _ in range(draws)]
    return {token: drawn.count(token) / draws for token in set(drawn)}


@pytest.mark.parametrize("parameters", [{}, {"temperature": 2.0, "top_k": 1}], ids=["cold", "top_k 1"])
def test_greedy_takes_the_likeliest(parameters: dict[str, Any]) -> None:
    assert sampler(**parameters).draw(0) == 1
    assert sampler(**parameters).draw_masked(0, bytes([1, 0, 1, 0])) == 0


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, {0: 0.15, 1: 0.5, 2: 0.05, 3: 0.3}),
        ({"top_k": 2}, {1: 0.625, 3: 0.375}),
        ({"top_p": 0.6}, {1: 0.625, 3: 0.375}),
        ({"top_p": 0.4}, {1: 1.0}),
        ({"min_p": 0.25}, {0: 0.158, 1: 0.526, 3: 0.316}),
        ({"temperature": 0.5}, {0: 0.062, 1: 0.685, 2: 0.007, 3: 0.247}),
    ],
    ids=str,
)
def test_tokens_are_drawn_by_their_shares(parameters: dict[str, Any], expected: dict[int, float]) -> None:
    assert shares(**{"temperature": 1.0} | parameters) == pytest.approx(expected, abs=0.04)


def test_a_mask_leaves_the_shares_of_the_others_and_may_be_shorter_than_the_logits() -> None:
    assert shares(mask=bytes([200, 0, 200]), temperature=1.0) == pytest.approx({0: 0.75, 2: 0.25}, abs=0.04)
    assert shares(mask=bytes([0, 0, 200, 200]), temperature=1.0, top_k=1) == {3: 1.0}


def test_a_token_that_was_drawn_or_forced_is_penalised_until_it_is_forgotten() -> None:
    drawing = sampler(repeat_penalty=5.0)
    assert drawing.draw(0) == 1
    drawing.accept(3)
    assert drawing.draw(0) == 0
    drawing.forget()
    assert drawing.draw(0) == 1


def test_penalties_of_presence_and_frequency_are_taken_from_the_logits() -> None:
    present = sampler(presence_penalty=0.6)
    assert [present.draw(0) for _ in range(2)] == [1, 3]
    frequent = sampler(frequency_penalty=0.3)
    assert [frequent.draw(0) for _ in range(4)] == [1, 1, 3, 1]


def test_the_same_seed_draws_the_same() -> None:
    def drawn(seed: int) -> list[int]:
        drawing = sampler(seed=seed, temperature=1.0)
        return [drawing.draw(0) for _ in range(20)]

    assert drawn(3) == drawn(3) != drawn(4)
