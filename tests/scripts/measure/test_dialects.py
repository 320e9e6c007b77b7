"""`scripts/measure-dialects`: how it asks for each candidate, what it keeps, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agx.backends.scripted import ScriptedBackend
from agx.errors import ModelBroken
from agx.evaluate.cases import Case, make_case
from scripts.measure.dialects import Candidate, measured, table

JSON, SHELL = Candidate("json", 0), Candidate("shell", 2)
PLAN = json.dumps({"tasks": [{"command": "sort", "args": ["a.txt"]}]})


def case(instruction: str, reference: str) -> Case:
    return make_case({"instruction": instruction, "reference": reference})


def writing(*replies: str | Exception) -> ScriptedBackend:
    return ScriptedBackend(replies, takes_grammar=True)  # type: ignore[arg-type]


async def test_each_candidate_asks_in_its_dialect_with_its_examples(tmp_path: Path) -> None:
    backend = writing(PLAN, "sort a.txt", "sort a.txt")
    candidates = [JSON, SHELL, Candidate("shell", 4)]
    rows = await measured(backend, [case("sort a.txt", "sort a.txt")], candidates, log=tmp_path / "log")
    plain, few, more = backend.requests
    assert [request.grammar is None for request in backend.requests] == [True, False, False]
    assert len(plain.messages) == 2
    assert len(more.messages) == len(few.messages) + 2 * (4 - 2)
    assert [row["scores"]["exact"] for row in rows] == [1.0, 1.0, 1.0]


async def test_what_the_log_has_is_not_asked_again(tmp_path: Path) -> None:
    cases = [case("sort a.txt", "sort a.txt"), case("count a.txt", "wc -l a.txt")]
    log = tmp_path / "log"
    await measured(writing("sort a.txt"), cases[:1], [SHELL], log=log)
    rows = await measured(writing("wc a.txt"), cases, [SHELL], log=log)
    assert [row["text"] for row in rows] == ["sort a.txt", "wc a.txt"]
    assert table(rows).splitlines()[2].startswith("| shell | 2 | 0.500 ")


async def test_an_answer_that_is_an_error_scores_nothing(tmp_path: Path) -> None:
    broken = ModelBroken("no number", hint="fetch it again")
    rows = await measured(
        writing(PLAN, broken), [case("sort a.txt", "sort a.txt")], [JSON, SHELL], log=tmp_path / "log"
    )
    assert rows[1]["text"] == "ModelBroken: no number"
    right, wrong = "1.000 (0.207 to 1.000)", "0.000 (0.000 to 0.793)"
    assert table(rows).splitlines()[2:4] == [
        f"| json | 0 | {right} | {right} | {right} | {right} |",
        f"| shell | 2 | {wrong} | {wrong} | {wrong} | {wrong} |",
    ]


def test_a_candidate_is_a_dialect_and_a_number() -> None:
    assert str(Candidate.of("shell:8")) == "shell:8"
    for text in ("shell", "yaml:8", "json:-1"):
        with pytest.raises(ValueError, match="not a dialect"):
            Candidate.of(text)
