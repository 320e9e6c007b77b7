"""`agx plan --forbid`, `--risk` and `--tools-limit`: from every layer of settings to the plan."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Agx

INSTRUCTION = "clean up"
LIST = '{"tasks":[{"command":"ls","args":[]}]}'
DELETE = '{"tasks":[{"command":"find","args":[".","-delete"]}]}'
RUN_RM = '{"tasks":[{"command":"xargs","args":["rm"]}]}'
PAINTS = {
    "tools": [
        {"name": f"paint_{colour}", "description": f"Paints it {colour}", "risk": ["writes"],
         "schema": {"type": "object", "properties": {}}}
        for colour in ("red", "green", "blue")
    ]
}  # fmt: skip


def test_forbidden_tools_are_repeated_or_separated_by_commas(agx: Agx) -> None:
    done = agx("plan", INSTRUCTION, "--forbid", "rm", "--forbid", "mv,cp", replies=(LIST,))
    assert done.code == 0, done.err
    assert done.config is not None
    assert done.config.forbidden == {"rm", "mv", "cp"}
    metadata = json.loads(done.out)["metadata"]
    assert metadata["parameters"]["forbid"] == ["cp", "mv", "rm"]
    assert metadata["tools_offered"] is None


def test_a_house_rule_is_not_lifted_by_adding_to_it(
    agx: Agx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "agx.toml").write_text('forbid = ["dd"]\nrisk = "write"\n', encoding="utf-8")
    monkeypatch.setenv("AGX_FORBID", "mv, cp")
    done = agx("plan", INSTRUCTION, "--forbid", "rm", replies=(LIST,))
    assert done.config is not None
    assert done.config.forbidden == {"dd", "mv", "cp", "rm"}
    assert done.config.max_risk == "write"


def test_a_plan_against_the_policy_ends_with_3(agx: Agx) -> None:
    """The findings say which task and why; nothing is on stdout."""
    hidden = agx("plan", INSTRUCTION, "--forbid", "rm", replies=(RUN_RM,))
    assert (hidden.code, hidden.out) == (3, "")
    assert "it runs rm, which is forbidden" in hidden.err
    risky = agx("plan", INSTRUCTION, "--risk", "read", "--json", replies=(DELETE,))
    error = json.loads(risky.err)["error"]
    assert (risky.code, error["code"]) == (3, "PlanInvalid")
    assert error["details"]["findings"][0]["rule"] == "above-risk"
    assert "--risk any" in error["hint"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--forbid", "rmm"], "did you mean rm?"),
        (["--forbid", ""], "forbid cannot be ''"),
        (["--forbid", "rm,,mv"], "forbid cannot be 'rm,,mv'"),
        (["--forbid", "a\x1b[31m"], "forbid cannot be"),
        (["--risk", "none"], "risk is one of read, write, any"),
        (["--tools-limit", "-1"], "tools_limit is a whole number from 0 to 1000"),
        (["--tools-limit", "some"], "tools_limit cannot be 'some'"),
    ],
)
def test_a_policy_that_means_nothing_ends_with_2(agx: Agx, options: list[str], words: str) -> None:
    done = agx("plan", INSTRUCTION, *options)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert "\x1b" not in done.err


def test_a_dry_run_shows_the_tools_that_are_offered(agx: Agx, tmp_path: Path) -> None:
    (tmp_path / "paints.json").write_text(json.dumps(PAINTS), encoding="utf-8")
    asked = ("plan", "paint it blue", "--dry-run", "--tools", "paints.json")
    shown = json.loads(agx(*asked, "--tools-limit", "1").out)
    assert shown["tools_offered"] == ["paint_blue"]
    assert "paint_blue" in json.dumps(shown["schema"])
    assert "paint_red" not in shown["prompt"] + json.dumps(shown["schema"])
    text = agx(*asked, "--forbid", "paint_blue,rm", "--tools-limit", "1", "--format", "table").out
    assert "# Tools offered (1)\npaint_red\n" in text
    assert re.search(r"forbid +paint_blue, rm +--forbid", text)
    assert "paint_blue" not in text.partition("# Parameters")[0].replace("paint it blue", "")
    assert json.loads(agx(*asked).out)["tools_offered"] is None


def test_each_model_has_its_limit(agx: Agx) -> None:
    done = agx("plan", "ls", "--tools-limit", "5", "--delta-tools-limit", "0", replies=(LIST,))
    assert done.config is not None
    assert (done.config.tools_limit, done.config.delta_tools_limit) == (5, 0)
    assert len(json.loads(done.out)["metadata"]["tools_offered"]) == 5


def test_the_settings_show_forbidden_tools_with_every_origin(
    agx: Agx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGX_FORBID", "rm")
    assert "rm, dd" in agx("config", "show", "--forbid", "dd").out
    shown = json.loads(agx("config", "show", "--forbid", "dd", "--json").out)["settings"]["forbid"]
    assert shown == {"value": ["rm", "dd"], "origin": "AGX_FORBID, --forbid", "source": "command_line"}


def test_an_evaluation_under_a_policy_that_means_nothing_is_one_error(agx: Agx, tmp_path: Path) -> None:
    (tmp_path / "cases.jsonl").write_text(
        '{"instruction": "list files", "reference": "ls"}\n' * 2, encoding="utf-8"
    )
    done = agx("eval", "cases.jsonl", "--forbid", "rmm", replies=())
    assert (done.code, done.out) == (2, "")
    assert "did you mean rm?" in done.err
