"""The page on risk is true: every command on it has the risk that stands beside it."""

from __future__ import annotations

import re

import pytest

from agx.plan.schema import RISKS
from agx.risk.assess import with_risk
from agx.shell.parse import parse_shell
from agx.unix.registry import unix_registry
from tests.documents import ROOT

PAGE = (ROOT / "docs" / "risk.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| `(.+)` \| ([a-z_, ]+) \|$", re.MULTILINE)
EXAMPLES = [(text.replace("\\|", "|"), risk) for text, risk in _ROW.findall(PAGE) if text not in RISKS]


def test_the_page_names_every_word() -> None:
    assert tuple(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)[: len(RISKS)]) == RISKS
    assert len(EXAMPLES) >= 40


@pytest.mark.parametrize(("text", "risk"), EXAMPLES, ids=[text for text, _ in EXAMPLES])
def test_an_example_has_its_risk(text: str, risk: str) -> None:
    """Of a pipeline it is that of the last task."""
    assert ", ".join(with_risk(parse_shell(text), unix_registry()).tasks[-1].risk) == risk
