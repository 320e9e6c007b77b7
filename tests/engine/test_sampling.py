"""Parameters do what they say, and a mask gives exactly the distribution that it should."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from agx.engine import native
from agx.engine.generation import Generation, Timings
from agx.engine.loop import Engine
from agx.engine.model import Model
from agx.engine.sampling import Sampler
from agx.engine.scheduler import next_block
from agx.engine.sequence import Sequence
from agx.errors import ConfigError, ConstraintFailed
from agx.grammar.constraint import Constraint
from agx.requests import LoadOptions, Parameters
from tests.engine.support import SMALL_PLANS, generate
from tests.tiny_gguf import TinyModel

# Flat enough that many tokens are likely.
FLAT = TinyModel(scale=0.12, seed=3)


class Allowed:
    """A stand-in for a constraint: the same tokens may always come."""

    is_accepting = False
    is_finished = False

    def __init__(self, tokens: set[int], size: int) -> None:
        self._tokens = tokens
        self._mask = bytes(200 * (token in tokens) for token in range(size))

    def accept(self, token: int) -> bool:
        return token in self._tokens

    def mask(self) -> bytes:
        return self._mask

    def take_forced(self) -> list[int]:
        return []


class Bench:
    """A model with the logits of one prompt, to draw from as often as wanted."""

    def __init__(self, file: Path) -> None:
        self.model = Model(str(file), LoadOptions(device="cpu", threads=1))
        self.size = len(self.model.vocabulary)
        prompt = self.model.vocabulary.tokenise("list all", parse_special=False)
        self.sequence = Sequence(prompt, slot=0, max_tokens=9, context_length=99)
        self.context = self.model.pool_for(is_seeded=False).context
        rows = self.context.decode([next_block(self.sequence)])
        assert rows is not None
        self.row = rows[0]
        logits = native.lib.llama_get_logits_ith(self.context.address, self.row)
        self.logits = [logits[token] for token in range(self.size)]

    def sampler(self, parameters: Parameters, *, seed: int) -> Sampler:
        sampler = self.model.sampler(parameters, seed=seed)
        sampler.read(self.context.address)
        return sampler

    def draw(self, *, allowed: set[int] | None = None, seed: int = 0, **parameters: Any) -> int:
        sampler = self.sampler(Parameters.from_dict(parameters), seed=seed)
        constraint = None if allowed is None else cast("Constraint", Allowed(allowed, self.size))
        generation = Generation(
            request_id=1, sequence=self.sequence, sampler=sampler, decoder=self.model.vocabulary.decoder(),
            constraint=constraint, end_ids=set(), max_tokens=9, seed=seed, deadline_secs=None,
            timings=Timings(),
        )  # fmt: skip
        try:
            return generation._draw(self.row)
        finally:
            sampler.close()

    def ranked(self, tokens: Iterator[int] | range | set[int]) -> list[int]:
        return sorted(tokens, key=lambda token: -self.logits[token])


@pytest.fixture
def bench(tiny_file: Callable[[TinyModel], Path]) -> Iterator[Bench]:
    bench = Bench(tiny_file(FLAT))
    yield bench
    bench.model.close()


def expected_shares(logits: list[float], tokens: list[int], temperature: float) -> dict[int, float]:
    weights = {token: math.exp(logits[token] / temperature) for token in tokens}
    return {token: weight / sum(weights.values()) for token, weight in weights.items()}


@pytest.mark.parametrize(
    ("parameters", "kept"),
    [({}, None), ({"top_k": 4}, 4), ({"repeat_penalty": 1.1}, None)],
    ids=["without truncation", "top-k", "with a penalty"],
)
def test_the_masked_distribution_is_exact(bench: Bench, parameters: dict[str, Any], kept: int | None) -> None:
    allowed = set(bench.ranked(range(bench.size))[::30])
    ranked = bench.ranked(allowed)[:kept]
    shares = expected_shares(bench.logits, ranked, 0.7)
    draws = 3000
    counts = Counter(
        bench.draw(allowed=allowed, seed=seed, temperature=0.7, **parameters) for seed in range(draws)
    )
    assert set(counts) <= set(shares)
    for token, share in shares.items():
        spread = math.sqrt(share * (1 - share) / draws)
        assert abs(counts[token] / draws - share) < 4.5 * spread + 1e-3


def test_greedy_takes_the_most_likely_of_the_allowed(bench: Bench) -> None:
    ranked = bench.ranked(range(bench.size))
    assert bench.draw() == ranked[0]
    assert bench.draw(allowed=set(ranked[5:50])) == ranked[5]
    assert bench.draw(allowed={ranked[-1]}) == ranked[-1]


@pytest.mark.parametrize(
    "parameters",
    [{"top_k": 1}, {"top_p": 1e-6}, {"min_p": 1.0}, {"temperature": 1e-5}, {"temperature": 0.0}],
    ids=["top-k 1", "top-p near 0", "min-p 1", "temperature near 0", "temperature 0"],
)
def test_what_leaves_one_token_equals_greedy(bench: Bench, parameters: dict[str, Any]) -> None:
    ranked = bench.ranked(range(bench.size))
    drawn = {bench.draw(seed=seed, **{"temperature": 2.0} | parameters) for seed in range(30)}
    assert drawn == {ranked[0]}
    masked = {
        bench.draw(seed=seed, allowed=set(ranked[7:]), **{"temperature": 2.0} | parameters)
        for seed in range(30)
    }
    assert masked == {ranked[7]}


def test_truncation_keeps_the_likeliest(bench: Bench) -> None:
    ranked = bench.ranked(range(bench.size))
    shares = expected_shares(bench.logits, ranked, 1.0)
    drawn = {bench.draw(seed=seed, temperature=3.0, top_k=5) for seed in range(300)}
    assert drawn == set(ranked[:5])
    likely = {token for token in ranked if shares[token] >= 0.3 * shares[ranked[0]]}
    assert {bench.draw(seed=seed, temperature=3.0, min_p=0.3) for seed in range(300)} <= likely


@pytest.mark.parametrize(
    "parameters",
    [{}, {"top_k": 3}, {"top_p": 0.5}, {"min_p": 0.2}, {"repeat_penalty": 1.3}, {"temperature": 0.0}],
    ids=str,
)
def test_nothing_outside_the_mask_is_drawn(bench: Bench, parameters: dict[str, Any]) -> None:
    allowed = set(bench.ranked(range(bench.size))[-3:])
    drawn = {
        bench.draw(allowed=allowed, seed=seed, **{"temperature": 2.0} | parameters) for seed in range(60)
    }
    assert drawn <= allowed


def test_a_mask_without_tokens_fails_closed(bench: Bench) -> None:
    with pytest.raises(ConstraintFailed):
        bench.draw(allowed=set())


def test_what_was_drawn_can_be_forgotten(bench: Bench) -> None:
    """Names that a model has thought about are those that its plan has to have."""
    sampler = bench.sampler(Parameters(repeat_penalty=100.0), seed=0)
    first, second = (sampler.draw(bench.row) for _ in range(2))
    sampler.forget()
    assert sampler.draw(bench.row) == first != second
    sampler.close()


def test_a_penalty_makes_repetition_rarer(engine: Engine) -> None:
    plain = generate(engine, max_tokens=60)
    penalised = generate(engine, max_tokens=60, repeat_penalty=1.8)
    assert len(set(penalised.text)) > len(set(plain.text))


@pytest.mark.parametrize("schema", [None, SMALL_PLANS], ids=["free", "constrained"])
def test_a_seed_gives_the_same_text_again(engine: Engine, schema: dict[str, Any] | None) -> None:
    texts = [
        generate(engine, schema=schema, temperature=2.0, max_tokens=40, seed=seed).text for seed in (5, 6, 5)
    ]
    assert texts[0] == texts[2]
    assert texts[0] != texts[1]


def test_a_fresh_seed_is_reported_and_repeats_the_text(engine: Engine) -> None:
    first = generate(engine, temperature=2.0, max_tokens=40)
    assert generate(engine, temperature=2.0, max_tokens=40).text != first.text
    assert generate(engine, temperature=2.0, max_tokens=40, seed=first.usage["seed"]).text == first.text


@pytest.mark.parametrize(
    "parameters",
    [
        {"temperature": -1.0}, {"temperature": math.nan}, {"top_p": 1.5}, {"top_k": -1}, {"top_k": 1.5},
        {"max_tokens": 0}, {"repeat_penalty": 0}, {"heat": 1}, {"temperature": "hot"}, {"top_k": True},
    ],
    ids=str,
)  # fmt: skip
def test_parameters_out_of_range_are_refused(engine: Engine, parameters: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(parameters))):
        generate(engine, **parameters)
    assert not engine.has_work


@pytest.mark.parametrize("seed", [-1, 2**32 - 1, 1.5, True])
def test_seeds_out_of_range_are_refused(engine: Engine, seed: Any) -> None:
    with pytest.raises(ConfigError, match="seed"):
        generate(engine, seed=seed)
