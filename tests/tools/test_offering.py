"""Which tools are offered: how many, which are kept, and that only allowed ones are."""

from __future__ import annotations

from typing import Any

import pytest

from agx.plan.tools import Registry, ToolInfo
from agx.risk.context import PlanContext
from agx.tools.offering import DEFAULT_TOOLS_LIMIT, num_offered, offering
from agx.unix.registry import unix_registry

COLOURS = "red green blue white black brown pink grey".split()
ANY: dict[str, Any] = {"type": "object"}


def functions(number: int) -> Registry:
    return Registry.of(ToolInfo(f"tool{at}", schema=ANY) for at in range(number))


PAINTS = Registry.of(ToolInfo(f"paint_{colour}", f"paints it {colour}", schema=ANY) for colour in COLOURS)


@pytest.mark.parametrize(
    ("registry", "limit", "expected"),
    [
        (functions(DEFAULT_TOOLS_LIMIT), None, None),
        (functions(DEFAULT_TOOLS_LIMIT + 1), None, DEFAULT_TOOLS_LIMIT),
        (functions(DEFAULT_TOOLS_LIMIT + 1), 0, None),
        (functions(5), 5, None),
        (functions(5), 4, 4),
        (unix_registry(), None, None),
        (unix_registry(), 0, None),
        (unix_registry(), 30, 30),
        (Registry.of([*unix_registry(), ToolInfo("weather", schema=ANY)]), None, DEFAULT_TOOLS_LIMIT),
    ],
    ids=["few", "many", "all", "as many", "limit", "commands", "all commands", "asked for", "mixed"],
)
def test_the_limit_depends_on_the_tools(registry: Registry, limit: int | None, expected: int | None) -> None:
    assert num_offered(PlanContext(tools=registry), limit) == expected


def test_what_is_not_allowed_does_not_count() -> None:
    context = PlanContext(tools=functions(5), forbidden=frozenset({"tool0"}))
    assert num_offered(context, 4) is None


def test_what_a_context_offers_itself_stays() -> None:
    assert num_offered(PlanContext(tools=functions(9), offered=("tool1",)), 4) is None


def offered(instruction: str, *, num_tools: int, kept: tuple[str, ...] = (), **more: Any) -> tuple[str, ...]:
    context = PlanContext(tools=PAINTS, **more)
    return offering(context, instruction, num_tools=num_tools, kept=kept).offered or ()


def test_the_best_are_offered_in_the_registrys_order() -> None:
    assert offered("paint it black, then red", num_tools=2) == ("paint_red", "paint_black")


def test_what_is_to_be_kept_counts_towards_the_number() -> None:
    kept = ("paint_grey", "paint_pink")
    assert offered("red", num_tools=3, kept=kept) == ("paint_red", "paint_pink", "paint_grey")
    assert offered("red", num_tools=1, kept=kept) == ("paint_pink", "paint_grey")


def test_what_is_forbidden_or_unknown_is_not_kept() -> None:
    forbidden = frozenset({"paint_red"})
    assert offered("red", num_tools=1, kept=("paint_red", "erase"), forbidden=forbidden) == ("paint_green",)
