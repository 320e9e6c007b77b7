"""`scripts/measure-delta`: what it asks each model, what it keeps, and what it prints."""

from __future__ import annotations

from pathlib import Path

from agx.backends.scripted import ScriptedBackend
from agx.errors import ModelBroken
from agx.evaluate.cases import Case, make_case
from scripts.measure.delta import measured, table

MARGINS = (0.0, 6.0)


def case(instruction: str, reference: str) -> Case:
    return make_case({"instruction": instruction, "reference": reference})


def writing(*replies: str | Exception) -> ScriptedBackend:
    return ScriptedBackend(replies, takes_grammar=True, follows_drafts=True)  # type: ignore[arg-type]


async def test_a_draft_is_refined_once_for_each_margin(tmp_path: Path) -> None:
    refining = writing("sort a.txt", "sort b.txt")
    rows = await measured(
        writing("sort b.txt"), refining, [case("sort a.txt", "sort a.txt")], MARGINS, log=tmp_path / "log"
    )
    assert [request.draft_margin for request in refining.requests] == [*MARGINS]
    assert {request.draft for request in refining.requests} == {"sort b.txt"}
    (row,) = rows
    assert (row["was_right"], row["is_right"]) == (False, {"0.0": True, "6.0": False})


async def test_what_the_log_has_is_not_asked_again(tmp_path: Path) -> None:
    cases = [case("sort a.txt", "sort a.txt"), case("count a.txt", "wc -l a.txt")]
    log = tmp_path / "log"
    await measured(writing("sort a.txt"), writing("sort a.txt"), cases[:1], [6.0], log=log)
    rows = await measured(writing("wc a.txt"), writing("wc -l a.txt"), cases, [6.0], log=log)
    assert [row["was_right"] for row in rows] == [True, False]
    assert len(log.read_text().splitlines()) == 2


async def test_an_answer_that_is_an_error_breaks_a_right_draft(tmp_path: Path) -> None:
    rows = await measured(
        writing("sort a.txt"),
        writing(ModelBroken("no number", hint="fetch it again")),
        [case("sort a.txt", "sort a.txt")],
        [6.0],
        log=tmp_path / "log",
    )
    assert table(rows).splitlines()[-1] == "| 6 | 0.00 (0.00 to 1.00) | 1.00 (0.21 to 1.00) |"
