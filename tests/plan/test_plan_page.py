"""`docs/plan.md` on shell text and findings: its tables and examples are what the program does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from agx.errors import AgxError
from agx.plan.reading import NORMALISED
from agx.risk.assess import with_risk
from agx.shell.parse import parse_shell
from agx.shell.refusals import NotAPlan
from agx.shell.render import plan_shell
from agx.unix.options import options_of
from agx.unix.registry import unix_registry

PAGE = (Path(__file__).parents[2] / "docs" / "plan.md").read_text(encoding="utf-8")


def rows(header: str) -> list[tuple[str, str]]:
    """Return the first two columns of the table with this header."""
    table = PAGE[PAGE.index(f"| {header} |") :].partition("\n\n")[0].splitlines()[2:]
    cells = [row.replace("\\|", "\0").strip("| ").split(" | ") for row in table]
    return [(first.replace("\0", "|"), second.replace("\0", "|")) for first, second, *_ in cells]


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize(("text", "value"), rows("shell text | in the plan"), ids=lambda cell: cell)
def test_what_a_shell_expands_is_written_so(text: str, value: str) -> None:
    task = parse_shell(f"echo {codes(text)[0]}").tasks[-1]
    assert task.written()["args"] == [json.loads(one) for one in codes(value)]


REFUSED = [(text, reason) for texts, reason in rows("such as | what it is") for text in codes(texts)]


@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=[text for text, _ in REFUSED])
def test_what_is_no_plan_is_refused_with_this_reason(text: str, reason: str) -> None:
    with pytest.raises(NotAPlan) as caught:
        parse_shell(text)
    assert caught.value.reason == reason


def test_the_example_of_an_error_is_what_is_printed() -> None:
    example = re.findall(r"^\$ agx plan import '(.*)'\nerror: (.*)\nhint: (.*)$", PAGE, re.MULTILINE)
    assert len(example) == 1
    text, message, hint = example[0]
    with pytest.raises(AgxError) as caught:
        parse_shell(text)
    assert (caught.value.message, caught.value.hint, caught.value.exit_code) == (message, hint, 3)


def test_every_rule_of_a_finding_is_on_the_page() -> None:
    package = Path(__file__).parents[2] / "agx"
    sources = (file.read_text(encoding="utf-8") for file in package.rglob("*.py"))
    named = {rule for source in sources for rule in re.findall(r'\brule="([a-z-]+)"', source)}
    assert {codes(rule)[0] for rule, _ in rows("rule | severity | what was found")} == named | {NORMALISED}


def test_so_many_tools_have_all_their_options_written_down() -> None:
    known = [options for options in map(options_of, unix_registry()) if options and options.known is not None]
    assert f"judged for {len(known)} Unix commands" in PAGE


def test_the_example_of_shell_text_is_what_is_written() -> None:
    ((text, written),) = re.findall(
        r"^agx plan import '(.*)' --format shell\n```\n\n```\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL
    )
    assert plan_shell(with_risk(parse_shell(text), unix_registry())) == written
