"""Choosing tools by words and marks."""

from __future__ import annotations

import pytest

from agx.app.registries import ToolFilter
from agx.errors import UsageError
from agx.unix.registry import unix_registry


def names(tool_filter: ToolFilter) -> set[str]:
    return {tool.name for tool in tool_filter.of(unix_registry())}


def test_all_words_and_marks_must_fit() -> None:
    assert names(ToolFilter()) == set(unix_registry().tools)
    assert "gzip" in names(ToolFilter(("COMPRESS",)))
    assert names(ToolFilter(mark="destructive")) & {"rm", "ls"} == {"rm"}
    assert names(ToolFilter(("no such words",))) == set()
    assert names(ToolFilter(on_path=True)) >= {"ls", "sort"}


@pytest.mark.parametrize("tool_filter", [ToolFilter(category="none"), ToolFilter(mark="writs")])
def test_what_no_tool_can_have_is_refused(tool_filter: ToolFilter) -> None:
    with pytest.raises(UsageError, match="there is no "):
        names(tool_filter)
