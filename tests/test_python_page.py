"""`docs/python.md` has every method of a planner, and every field of what configures one."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from enum import Enum
from typing import Any

import pytest

from agx import LoadOptions, Parameters, PlanContext, Planner, PlannerConfig, PlanOptions
from tests.documents import ROOT

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
VALUES = (PlannerConfig, LoadOptions, Parameters, PlanOptions, PlanContext)


def _section(title: str) -> str:
    return PAGE.partition(f"\n{title}\n")[2].partition("\n##")[0]


def _as_written(value: object) -> str:
    """Return a default as a program writes it."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, str):
        return json.dumps(value)
    return f"{type(value).__name__}()" if hasattr(value, "__dataclass_fields__") else repr(value)


@pytest.mark.parametrize("kind", VALUES)
def test_the_page_has_every_field_with_its_default(kind: type[Any]) -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \| .+ \|$", _section(f"### `{kind.__name__}`"), re.MULTILINE)
    assert rows == [(field.name, _as_written(getattr(kind(), field.name))) for field in fields(kind)]


def test_the_page_has_every_method_of_a_planner() -> None:
    listed = re.findall(r"^\| `(?:await )?(\w+)\(", _section("## Planner"), re.MULTILINE)
    assert set(listed) == {name for name in vars(Planner) if not name.startswith("_")}
