"""Schemas of all kinds of keywords: hardly one is refused, and nothing wrong is taken that models write."""

from __future__ import annotations

import pytest

from agx.app.registries import registry_of
from agx.errors import RegistryInvalid
from scripts.measure.schema_kinds import Schema, named_schemas
from scripts.measure.schemas import Outcome, outcome

SCHEMAS = dict(named_schemas())
MEANS_NOTHING = ("contradictions", "elsewhere")
NUM_TEXTS = 3


def kind_of(name: str) -> str:
    return name.rpartition(" ")[0] if "," not in name else name.partition(",")[0].rpartition(" ")[0]


KINDS: dict[str, dict[str, Schema]] = {}
for each, known in SCHEMAS.items():
    KINDS.setdefault(kind_of(each), {})[each] = known


def test_there_are_enough_of_them() -> None:
    assert len(SCHEMAS) >= 300
    assert len(KINDS) >= 30


def test_hardly_any_is_refused_and_none_without_a_sentence() -> None:
    """Only what no arguments fit, and what leads elsewhere."""
    reasons: dict[str, str] = {}
    for name, schema in SCHEMAS.items():
        try:
            registry_of([{"name": "x", "schema": schema}], strict=True)
        except RegistryInvalid as error:
            reasons[name] = error.message
    assert len(reasons) <= len(SCHEMAS) * 0.03
    assert {kind_of(name) for name in reasons} == set(MEANS_NOTHING)
    for reason in reasons.values():
        assert "\n" not in reason
        assert len(reason) < 300
        assert "option" not in reason, "no message names an option of a library"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in MEANS_NOTHING])
def test_nothing_that_does_not_fit_is_taken(kind: str) -> None:
    """Whatever the constraint lets through, what the check takes `jsonschema` takes, formats included."""
    outcomes: list[Outcome] = [
        outcome(name, schema, num_texts=NUM_TEXTS) for name, schema in KINDS[kind].items()
    ]
    assert [(each.name, each.wrong) for each in outcomes if each.wrong] == []
    for each in outcomes:
        assert len(each.taken) + len(each.refused) == NUM_TEXTS, each.name
        # Which names it has written already the constraint cannot know, where any name may be written.
        unheld = [said for said in each.refused if "stands twice" not in said]
        assert each.warnings or not unheld, f"{each.name} holds less than it says: {unheld}"
