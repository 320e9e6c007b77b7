"""Tools and registries: the built-in one, and what cannot be one."""

from __future__ import annotations

import pytest

from agx.errors import RegistryInvalid
from agx.plan.schema import RISKS
from agx.plan.tools import MAX_TOOLS, Registry, ToolInfo
from agx.unix.registry import CATEGORIES, unix_registry


def test_the_built_in_registry_describes_every_tool() -> None:
    registry = unix_registry()
    assert registry.kind == "unix"
    assert len(registry) > 300
    for tool in registry:
        assert tool.description, tool.name
        assert tool.risk, tool.name
        assert set(tool.risk) <= set(RISKS), tool.name
        assert tool.schema is None, tool.name
        assert tool.category in CATEGORIES, tool.name


def test_every_category_has_tools() -> None:
    assert {tool.category for tool in unix_registry()} == set(CATEGORIES)
    assert len(CATEGORIES) == len(set(CATEGORIES))


@pytest.mark.parametrize(
    ("name", "category"),
    [("ls", "files"), ("find", "search"), ("sort", "text"), ("tar", "archive"), ("kill", "process"),
     ("curl", "network"), ("apt", "packages"), ("alias", "shell"), ("git", "development"), ("df", "disk")],
)  # fmt: skip
def test_well_known_tools_have_the_category_one_looks_under(name: str, category: str) -> None:
    tool = unix_registry().get(name)
    assert tool is not None
    assert tool.category == category


@pytest.mark.parametrize(
    ("name", "codes"),
    [("grep", (0, 1)), ("diff", (0, 1)), ("test", (0, 1)), ("[", (0, 1)), ("zcat", (0, 2)), ("ls", (0,)),
     ("find", (0,)), ("false", (0,))],
)  # fmt: skip
def test_codes_that_are_no_failure(name: str, codes: tuple[int, ...]) -> None:
    tool = unix_registry().get(name)
    assert tool is not None
    assert tool.exit_codes == codes


def test_codes_are_those_that_a_process_can_have_with_0_among_them() -> None:
    for tool in unix_registry():
        assert tool.exit_codes == tuple(sorted(set(tool.exit_codes))), tool.name
        assert 0 in tool.exit_codes, tool.name
        assert max(tool.exit_codes) < 126, tool.name


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


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        ([], "the registry has no tools"),
        ([ToolInfo("a"), ToolInfo("a")], "the tool 'a' is in the registry twice"),
        ([ToolInfo(str(number)) for number in range(MAX_TOOLS + 1)], "has 1001 tools; 1000 are allowed"),
    ],
    ids=["none", "twice", "many"],
)
def test_what_cannot_be_a_registry_is_refused(tools: list[ToolInfo], message: str) -> None:
    with pytest.raises(RegistryInvalid, match=message) as caught:
        Registry.of(tools)
    assert caught.value.hint


def test_a_registry_may_have_the_most_tools() -> None:
    assert len(Registry.of(ToolInfo(str(number)) for number in range(MAX_TOOLS))) == MAX_TOOLS
