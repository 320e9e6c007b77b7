"""Registries merged, and narrowed to what this machine has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agx.app.registries import registry_of
from agx.errors import RegistryInvalid
from agx.plan.tools import Registry, ToolInfo
from agx.risk.context import PlanContext
from agx.tools.selection import DEFAULT_TOOLS_LIMIT, merge_registries, num_offered, offering, tools_on_path
from agx.unix.registry import unix_registry
from tests.tools.support import CITY


def test_of_the_same_name_the_last_one_counts_whole() -> None:
    first = registry_of([{"name": "a", "description": "one", "reads_stdin": True}, {"name": "b"}])
    second = registry_of([{"name": "c"}, {"name": "a", "risk": ["reads"]}])
    both = merge_registries(first, second)
    assert list(both.tools) == ["a", "b", "c"]
    assert both.tools["a"] == second.tools["a"], "nothing of the replaced one remains"
    assert merge_registries(second, first).tools["a"] == first.tools["a"]
    assert merge_registries(first, second, first).tools["a"] == first.tools["a"]
    assert list(first.tools) == ["a", "b"], "neither changes"


def test_registries_that_are_too_many_tools_together_are_refused() -> None:
    halves = [registry_of([{"name": f"{half}{number}"} for number in range(501)]) for half in "ab"]
    assert len(merge_registries(halves[0], halves[0])) == 501
    with pytest.raises(RegistryInvalid, match="the registry has 1002 tools; 1000 are allowed") as caught:
        merge_registries(*halves)
    assert caught.value.hint


def test_warnings_and_kind_of_merged_registries() -> None:
    noted = registry_of([{"name": "a", "description": "x\u200b"}])
    assert merge_registries(noted, unix_registry()).warnings == noted.warnings
    assert merge_registries(noted, unix_registry()).kind == "custom"
    assert merge_registries(unix_registry()).kind == "unix"


def test_what_is_on_path_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Executable files on PATH, and functions."""
    for name, mode in (("here", 0o755), ("text", 0o644)):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(mode)
    (tmp_path / "folder").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    names = ("here", "text", "folder", "missing", "./here", str(tmp_path / "here"))
    registry = registry_of([*({"name": name} for name in names), {"name": "weather", "schema": CITY}])
    assert list(tools_on_path(registry).tools) == ["here", "weather"]


def test_a_shell_s_own_commands_are_on_no_path() -> None:
    here = tools_on_path(unix_registry())
    assert "ls" in here
    assert "cd" not in here
    assert here.kind == "unix"


def test_an_empty_path_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RegistryInvalid, match="none of the 1 tools is on this machine's PATH"):
        tools_on_path(Registry.of([unix_registry().tools["ls"]]))


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
