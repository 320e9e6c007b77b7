"""Following a draft: which token it has next, and how much surer a model must be to depart from it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agx.engine.draft import DraftCursor
from agx.engine.loop import Engine
from tests.engine.support import SMALL_PLANS, generate

PLAN = '{"tasks":[{"command":"sort","args":["b","a"]},{"command":"wc","args":[],"input_from_task":1}]}'
HUGE = 1e9


def _next_tokens(draft: DraftCursor, taken: list[int]) -> list[int | None]:
    """Return what the draft has next before each token that is taken, and after the last."""
    found = []
    for token in taken:
        found.append(draft.next_token)
        draft.take(token)
    return [*found, draft.next_token]


def test_a_text_that_repeats_the_draft_stays_in_it_to_the_end() -> None:
    assert _next_tokens(DraftCursor([5, 6, 7]), [5, 6, 7]) == [5, 6, 7, None]


def test_a_text_that_departs_is_lost_until_four_tokens_agree() -> None:
    taken = [1, 9, 3, 4, 5, 6]
    assert _next_tokens(DraftCursor([1, 2, 3, 4, 5, 6, 7]), taken) == [1, 2, None, None, None, None, 7]


def test_of_several_places_the_nearest_to_the_departure_counts() -> None:
    repeated = [1, 2, 3, 4, 10, 1, 2, 3, 4, 20]
    draft = DraftCursor([*repeated, 99])
    taken = [*repeated[:9], 77, 1, 2, 3, 4]
    assert _next_tokens(draft, taken)[-1] == 20


def test_an_empty_draft_knows_nothing() -> None:
    assert _next_tokens(DraftCursor([]), [1, 2, 3, 4, 5]) == [None] * 6


def test_with_a_huge_margin_the_draft_comes_back(engine: Engine) -> None:
    assert generate(engine, schema=SMALL_PLANS, draft=PLAN, draft_margin=HUGE).text == PLAN


def test_with_a_huge_margin_the_text_ends_where_the_draft_does(engine: Engine) -> None:
    """No grammar ends it: a free text would go on."""
    outcome = generate(engine, "a", draft="one two three", draft_margin=HUGE, max_tokens=60)
    assert (outcome.text, outcome.finish_reason) == ("one two three", "stop")
    assert generate(engine, "a", draft="one two three", max_tokens=60).text != outcome.text


def test_an_empty_draft_does_not_end_a_text(engine: Engine) -> None:
    free = generate(engine, "a", max_tokens=20)
    assert generate(engine, "a", draft="", draft_margin=HUGE, max_tokens=20).text == free.text


def test_what_the_grammar_refuses_is_left_out_of_a_draft(engine: Engine) -> None:
    """The command is no tool here, so something else is written in its place."""
    draft = PLAN.replace("sort", "sorb")
    outcome = generate(engine, schema=SMALL_PLANS, draft=draft, draft_margin=HUGE, max_tokens=400)
    assert outcome.finish_reason == "stop"
    assert json.loads(outcome.text)["tasks"][0]["command"] == "sort"


def test_without_a_margin_the_likeliest_token_counts_as_ever(engine: Engine) -> None:
    free = generate(engine, schema=SMALL_PLANS, max_tokens=60)
    assert generate(engine, schema=SMALL_PLANS, max_tokens=60, draft=PLAN).text == free.text


@pytest.mark.parametrize("seed", [1, 2])
def test_a_text_that_is_drawn_at_random_does_not_follow_a_draft(engine: Engine, seed: int) -> None:
    drawn: dict[str, Any] = {"schema": SMALL_PLANS, "max_tokens": 60, "temperature": 1.5, "seed": seed}
    with_draft = generate(engine, draft=PLAN, draft_margin=HUGE, **drawn)
    assert with_draft.text == generate(engine, **drawn).text
