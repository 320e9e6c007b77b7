"""`agx run --repair`: a plan that failed goes back to Delta once, and what comes of it is shown.

The commands run in this process, where only JSON can be caught: see `test_run` for what a terminal shows.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Agx

WRONG = {"instruction": "count the lines", "tasks": [{"command": "wc", "args": ["-l", "no-such.txt"]}]}
RIGHT = json.dumps({"tasks": [{"command": "wc", "args": ["-l", "a.txt"]}]})
REMOVING = json.dumps({"tasks": [{"command": "rm", "args": ["a.txt"]}]})


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    (tmp_path / "plan.json").write_text(json.dumps(WRONG))


def test_delta_is_told_what_the_task_said(agx: Agx) -> None:
    done = agx("run", "plan.json", "--repair", "--approve", "--json", replies=(RIGHT,))
    (request,) = done.backend.requests
    assert request.parameters.temperature == 0.5
    assert "no-such.txt: No such file or directory" in request.messages[-1].content


def test_a_mended_plan_is_shown_and_runs(agx: Agx) -> None:
    done = agx("run", "plan.json", "--repair", "--approve", "--json", replies=(RIGHT,))
    assert "asking Delta for another plan" in done.err
    assert '"summary"' in done.err
    record = json.loads(done.out)
    assert (done.code, record["is_done"], record["tasks"][0]["output"]) == (0, True, "2 a.txt\n")
    assert record["repair_of"]["tasks"][0]["status"] == "failed"


def test_without_a_person_a_mended_plan_does_not_run(agx: Agx, tmp_path: Path) -> None:
    done = agx("run", "plan.json", "--repair", "--json", replies=(REMOVING,))
    assert done.code == 8
    assert (tmp_path / "a.txt").exists()


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (json.dumps({"tasks": WRONG["tasks"]}), "Delta would do the same again"),
        ("nothing of the kind", "the plan could not be mended"),
    ],
    ids=["the same", "no plan"],
)
def test_what_cannot_be_mended_ends_as_it_would_without(agx: Agx, reply: str, said: str) -> None:
    done = agx("run", "plan.json", "--repair", "--approve", "--json", replies=(reply, reply))
    assert done.code == 7
    assert said in done.err
    assert json.loads(done.out)["tasks"][0]["status"] == "failed"


def test_a_mended_plan_that_fails_is_not_mended_again(agx: Agx) -> None:
    other = json.dumps({"tasks": [{"command": "wc", "args": ["-c", "no-such.txt"]}]})
    done = agx("run", "plan.json", "--repair", "--approve", "--json", replies=(other,))
    assert (done.code, len(done.backend.requests)) == (7, 1)


def test_a_plan_that_works_asks_no_model(agx: Agx, tmp_path: Path) -> None:
    (tmp_path / "no-such.txt").write_text("there now\n")
    done = agx("run", "plan.json", "--repair", "--json")
    assert (done.code, done.backend.requests) == (0, [])


def test_another_model_may_mend(agx: Agx) -> None:
    done = agx("run", "plan.json", "--repair-with", "other.gguf", "--approve", "--json", replies=(RIGHT,))
    assert (done.code, done.config and done.config.delta_model) == (0, "other.gguf")


def test_a_mended_plan_could_not_read_standard_input_again(agx: Agx) -> None:
    done = agx("run", "plan.json", "--repair", "--stdin")
    assert (done.code, done.backend.requests) == (2, [])
