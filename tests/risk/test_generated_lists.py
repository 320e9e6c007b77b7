"""3,000 dangerous task lists, of which none only reads, and 500 harmless ones, which destroy nothing."""

from __future__ import annotations

import json
from itertools import groupby

import pytest

from agx.risk.assess import with_risk
from agx.unix.registry import unix_registry
from tests.plan.helpers import plan_of
from tests.risk.generated_lists import HARMLESS_GIT, HARMLESS_WRAPPERS, Made, dangerous_lists, harmless_lists

MAX_SHARE = 0.02
DANGEROUS = list(dangerous_lists())
BY_WRAPPER = {
    wrapper: [made for _, made in found]
    for wrapper, found in groupby(
        sorted(DANGEROUS, key=lambda one: one[0].partition(": ")[0]),
        key=lambda one: one[0].partition(": ")[0],
    )
}


def risk_of(made: Made) -> set[str]:
    tasks = with_risk(plan_of(*made.rows), unix_registry()).tasks
    return set(tasks[made.task - 1].risk)


def test_there_are_enough() -> None:
    assert len({json.dumps(made.rows) for _, made in DANGEROUS}) >= 1500
    assert len({json.dumps(made.rows) for _, made in harmless_lists()}) >= 500


@pytest.mark.parametrize("wrapper", BY_WRAPPER)
def test_a_dangerous_list_never_only_reads(wrapper: str) -> None:
    """And it has the mark of its kind, whatever stands around it."""
    missed = [made.rows[made.task - 1] for made in BY_WRAPPER[wrapper] if made.mark not in risk_of(made)]
    assert missed == []


def test_harmless_lists_are_hardly_ever_destructive() -> None:
    made = [one for _, one in harmless_lists()]
    wrong = [one.rows for one in made if "destructive" in risk_of(one)]
    assert len(wrong) <= MAX_SHARE * len(made), wrong


def test_harmless_lists_only_read() -> None:
    """But for Git within another command, and for words of an input, which may be options."""
    wrong = []
    for name, made in harmless_lists():
        wrapper, _, text = name.partition(": ")
        is_git_inside = text.rpartition(", ")[0] in HARMLESS_GIT and wrapper != HARMLESS_WRAPPERS[0]
        if not wrapper.startswith("xargs") and not is_git_inside and risk_of(made) != {"reads"}:
            wrong.append((name, risk_of(made)))
    assert wrong == []
