"""Registries merged, and narrowed to what this machine has."""

from __future__ import annotations

from pathlib import Path

import pytest
from agx.tools.selection import merge_registries, tools_on_path

from agx.app.registries import registry_of
from agx.errors import RegistryInvalid
from agx.plan.tools import Registry
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
