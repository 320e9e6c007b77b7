"""A draft is looked up ahead: fewer decodes, and the text that is written without looking."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agx.engine.context import Context
from agx.engine.draft import MOST_GUESSES, DraftCursor
from agx.engine.loop import Engine
from agx.engine.scheduler import Slice
from tests.engine.support import SMALL_PLANS, Outcome, generate
from tests.engine.test_loop import Load
from tests.tiny_gguf import TinyModel

DRAFT = json.dumps(
    {"tasks": [{"command": "find", "args": [".", "-name", "*.rs"]}, {"command": "sort", "args": ["-n"]}]},
    separators=(",", ":"),
)
# A letter is a token of this one, so that few tokens are forced.
LETTERS = TinyModel(merges=False)


class Decodes:
    """Counts the calls of llama_decode, and lets guesses through or leaves them out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, guesses: bool) -> None:
        self.count = 0
        decode = Context.decode

        def counted(context: Context, slices: list[Slice]) -> list[int] | None:
            self.count += 1
            return decode(context, slices)

        monkeypatch.setattr(Context, "decode", counted)
        if not guesses:
            monkeypatch.setattr(DraftCursor, "guess", lambda *_: [])


def with_and_without(
    load: Load, model: TinyModel, draft: str, margin: float, **more: Any
) -> tuple[Outcome, Outcome, int, int]:
    """Generate with guesses and without; returns both outcomes and their numbers of decodes."""
    outcomes, counts = [], []
    for guesses in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            decodes = Decodes(patch, guesses=guesses)
            outcomes.append(generate(load(model), draft=draft, draft_margin=margin, max_tokens=200, **more))
            counts.append(decodes.count)
    return outcomes[0], outcomes[1], counts[0], counts[1]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("margin", [0.0, 0.5, 2.0, 1e9])
@pytest.mark.parametrize("schema", [None, SMALL_PLANS], ids=["free", "constrained"])
def test_the_text_is_the_one_without_looking_ahead(load: Load, seed: int, margin: float, schema: Any) -> None:
    """At every margin: a draft that is kept, one that is left, and one that is left and found again."""
    model = TinyModel(merges=False, seed=seed, float_type="F32")
    looked, plain, _, _ = with_and_without(load, model, DRAFT, margin, schema=schema)
    assert looked.error is None
    assert (looked.text, looked.finish_reason) == (plain.text, plain.finish_reason)
    counted = {"prompt_tokens", "completion_tokens", "forced_tokens"}
    assert {name: looked.usage[name] for name in counted} == {name: plain.usage[name] for name in counted}


def test_a_draft_that_is_kept_takes_a_fraction_of_the_decodes(load: Load) -> None:
    looked, plain, few, many = with_and_without(load, LETTERS, DRAFT, 1e9)
    assert looked.text.startswith(DRAFT)
    assert looked.text == plain.text
    assert plain.usage["looked_up_tokens"] == 0
    assert looked.usage["looked_up_tokens"] > 0.8 * len(DRAFT)
    assert many - few == looked.usage["looked_up_tokens"]
    assert few - (many - len(DRAFT)) <= len(DRAFT) / 8


def test_a_draft_that_is_left_costs_no_more_decodes(load: Load) -> None:
    looked, plain, few, many = with_and_without(load, LETTERS, "zq" * 80, 0.0)
    assert looked.text == plain.text
    assert few <= many


def test_a_draft_is_looked_up_to_the_end_of_the_context(load: Load) -> None:
    engine: Engine = load(TinyModel(merges=False, context_length=256))
    outcome = generate(engine, "a" * 150, draft="b" * 400, draft_margin=1e9, max_tokens=400)
    assert outcome.finish_reason == "length"
    assert outcome.usage["prompt_tokens"] + outcome.usage["completion_tokens"] == 256


def test_more_is_guessed_while_all_is_right_and_little_after_a_mistake() -> None:
    cursor = DraftCursor(range(100))
    sizes = []
    for num_right in (4, 8, 16, 16, 3, 4):
        guesses = cursor.guess(99)
        sizes.append(len(guesses))
        cursor.learn(num_guessed=len(guesses), num_right=num_right)
    assert sizes == [4, 8, MOST_GUESSES, MOST_GUESSES, MOST_GUESSES, 4]
    assert cursor.guess(2) == [0, 1]
    cursor.take(77)
    assert cursor.guess(99) == [], "the position is lost"
