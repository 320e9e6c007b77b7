"""Tools and registries: the built-in one, and what cannot be one."""

from __future__ import annotations

import pytest

from agx.errors import RegistryInvalid
from agx.plan.schema import RISKS
from agx.plan.tools import Registry, ToolInfo, unix_registry


def test_the_built_in_registry_describes_every_tool() -> None:
    registry = unix_registry()
    assert registry.kind == "unix"
    assert len(registry) > 300
    for tool in registry:
        assert tool.description, tool.name
        assert tool.risk, tool.name
        assert set(tool.risk) <= set(RISKS), tool.name
        assert tool.schema is None, tool.name


@pytest.mark.parametrize("name", ["sort", "uniq", "wc", "grep", "xargs", "sed", "awk", "head", "tee"])
def test_filters_read_standard_input(name: str) -> None:
    tool = unix_registry().get(name)
    assert tool is not None
    assert tool.reads_stdin


@pytest.mark.parametrize("name", ["find", "ls", "echo", "mkdir", "rm", "date", "df"])
def test_other_tools_do_not(name: str) -> None:
    tool = unix_registry().get(name)
    assert tool is not None
    assert not tool.reads_stdin


@pytest.mark.parametrize(
    ("name", "risk"),
    [
        ("ls", "reads"),
        ("mkdir", "writes"),
        ("rm", "destructive"),
        ("curl", "network"),
        ("sudo", "privilege"),
        ("python3", "runs_code"),
        ("bash", "runs_code"),
    ],
)
def test_first_risk_classes(name: str, risk: str) -> None:
    tool = unix_registry().get(name)
    assert tool is not None
    assert risk in tool.risk


def test_a_registry_is_looked_up_by_name_and_keeps_its_order() -> None:
    registry = Registry.of([ToolInfo("b"), ToolInfo("a")])
    assert [tool.name for tool in registry] == ["b", "a"]
    assert "a" in registry
    assert "c" not in registry
    assert registry.get("c") is None
    assert registry.kind == "custom"


@pytest.mark.parametrize("tools", [[], [ToolInfo("a"), ToolInfo("a")]], ids=["none", "twice"])
def test_a_registry_without_tools_or_with_one_twice_is_refused(tools: list[ToolInfo]) -> None:
    with pytest.raises(RegistryInvalid) as caught:
        Registry.of(tools)
    assert caught.value.hint
