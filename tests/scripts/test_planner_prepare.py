"""Preparing the data: what is set aside stays out of training, and what is left out is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.planner import prepare
from scripts.planner.forms import one_form
from scripts.planner.prepare import is_dev

Row = dict[str, Any]
NUM_COMPOSED = 30
COMMANDS = [f"find . -name '*.x{number}'" for number in range(200)]
DEV_COMMAND = next(cmd for cmd in COMMANDS if is_dev(cmd))
OTHER_COMMAND = next(cmd for cmd in COMMANDS if not is_dev(cmd))
OTHER_FORM = next(
    form for cmd in COMMANDS if is_dev(cmd) and not is_dev(form := cmd.replace("find .", "find") + " -print")
)
NL2BASH = [
    *({"nl": f"find x{number}", "cmd": cmd} for number, cmd in enumerate(COMMANDS)),
    {"nl": "the same again", "cmd": OTHER_COMMAND},
    {"nl": "the same again", "cmd": OTHER_COMMAND.replace("'", '"')},
    {"nl": f"Find x{COMMANDS.index(DEV_COMMAND)}.", "cmd": "ls -R"},
    {"nl": "PRINT  hello world", "cmd": "echo hello there"},
    {"nl": "the same call in another form", "cmd": OTHER_FORM},
    {"nl": "what no plan can say", "cmd": "ls; pwd; true"},
    {"nl": "what nobody knows", "cmd": "frobnicate x"},
    {"nl": "what models do not write", "cmd": "date >> log"},
    {"nl": "a control character", "cmd": "grep '\x01' f"},
    {"nl": "too many arguments", "cmd": "echo " + "a " * 40},
    {"nl": "too many tasks", "cmd": "cat a" + " | sort" * 10},
]
EVERYDAY = [
    {"request": "hello", "instruction": "print hello world.", "reference": ["echo 'hello world'"]},
    {"request": "kernel", "instruction": "which kernel is it", "reference": ["uname -r", "uname -a"]},
]
TLDR = [
    {"page": "find", "nl": "Find with other marks", "cmd": DEV_COMMAND.replace("'", '"')},
    {"page": "uptime", "nl": "Print it", "cmd": "uptime"},
]
for row in TLDR:
    row |= {"platform": "common", "about": "Tell how long it runs. More information: here."}
WRITTEN = [
    {"request": "hello", "instruction": "say hello", "reference": ['echo "hello world"']},
    {"request": "date", "instruction": "what day is it", "reference": ["date"]},
]


def _write(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the program on a small folder of data and give what it wrote."""
    data = tmp_path_factory.mktemp("data")
    _write(data / "nl2bash/train.jsonl", NL2BASH)
    _write(data / "tldr/examples.jsonl", TLDR)
    _write(
        data / "cheats/examples.jsonl",
        [{"page": "find", "nl": "spaced", "cmd": DEV_COMMAND.replace(" ", "  ")}],
    )
    _write(data / "written/common.jsonl", WRITTEN)
    _write(data / "everyday.jsonl", EVERYDAY)
    sources = [
        part for name in ("nl2bash", "tldr", "cheats", "written") for part in (f"--{name}", str(data / name))
    ]
    common = [*sources, "--composed", str(NUM_COMPOSED), "--held-out", str(data / "everyday.jsonl")]
    prepare.main([*common, str(data / "out")])
    prepare.main([*common, "--strict", str(data / "strict")])
    return data / "out"


def test_about_a_twentieth_is_set_aside() -> None:
    num_dev = sum(is_dev(f"ls -{number}") for number in range(5000))
    assert 200 <= num_dev <= 300


def test_the_split_is_the_same_in_every_version() -> None:
    """Changing the hash would move commands of the development set into training."""
    assert [number for number in range(100) if is_dev(f"echo {number}")] == [1, 39, 49, 55, 61, 64, 83, 95]


def test_the_split_does_not_see_white_space() -> None:
    for number in range(200):
        assert is_dev(f"sort -k {number} file") == is_dev(f"  sort   -k\t{number}\nfile ")


def test_no_command_of_the_development_set_is_trained_on(out: Path) -> None:
    """Neither as it is written there, nor spaced, quoted or put otherwise, in whatever source."""
    dev, train = _read(out / "dev.jsonl"), _read(out / "train.jsonl")
    assert {row["cmd"] for row in dev} == {cmd for cmd in COMMANDS if is_dev(cmd)}
    plans = [json.dumps(row["tasks"]) for row in dev]
    assert not [row for row in train if json.dumps(row["tasks"]) in plans]
    assert not [row for row in train if row["source"] != "composed" and is_dev(row["cmd"])]
    forms = [json.dumps(one_form(row["tasks"])) for row in dev]
    assert not [row for row in train if json.dumps(one_form(row["tasks"])) in forms]


def test_strict_trains_on_no_instruction_of_the_development_set(out: Path) -> None:
    """The split is by command: another command for the same instruction is left out only here."""
    asked = {row["nl"] for row in _read(out / "dev.jsonl")}
    taught, strictly = (
        [row["cmd"] for row in _read(folder / "train.jsonl") if row["nl"].lower().rstrip(".") in asked]
        for folder in (out, out.parent / "strict")
    )
    assert (taught, strictly) == (["ls -R"], [])


def test_no_wording_of_the_evaluation_is_trained_on(out: Path) -> None:
    wordings = {row["nl"].casefold() for row in _read(out / "train.jsonl")}
    assert not [nl for nl in wordings if "print" in nl and "hello" in nl]


def _taught_by_hand(folder: Path) -> list[str]:
    return [row["cmd"] for row in _read(folder / "train.jsonl") if row["source"] == "common"]


def test_strict_teaches_no_right_answer_of_the_evaluation_by_hand(out: Path) -> None:
    assert _taught_by_hand(out) == ['echo "hello world"', "date"]
    assert _taught_by_hand(out.parent / "strict") == ["date"]


def test_evaluation_cases_that_no_written_request_answers_are_kept_apart(out: Path) -> None:
    unseen = _read(out / "everyday_unseen.jsonl")
    assert [row["request"] for row in unseen] == ["kernel"]


def test_the_cases_are_what_the_corpus_says(out: Path) -> None:
    """Development commands that are no plans stay: the evaluation counts them."""
    cases = _read(out / "dev_cases.jsonl")
    assert cases == [row for row in NL2BASH if row["cmd"] in COMMANDS and is_dev(row["cmd"])]


def test_what_is_left_out_is_counted_by_reason(out: Path) -> None:
    counts = json.loads((out / "counts.json").read_text(encoding="utf-8"))
    num_dev = len(_read(out / "dev.jsonl"))
    assert counts == {
        "nl2bash": {
            "taken": len(COMMANDS) - num_dev + 2,
            "twice": 1,
            "held out": 1,
            "several commands": 1,
            "unknown tool": 1,
            "append": 1,
            "control character": 1,
            "limits": 2,
        },
        "tldr": {"held out": 1, "taken": 1},
        "about": {"taken": 2},
        "cheats": {"held out": 1},
        "composed": {"taken": NUM_COMPOSED},
        "common": {"taken": 2},
    }


def test_rows_are_plans_as_a_model_writes_them(out: Path) -> None:
    row = next(row for row in _read(out / "train.jsonl") if row["cmd"] == "date")
    assert row == {
        "nl": "what day is it",
        "tasks": [{"command": "date", "args": []}],
        "source": "common",
        "cmd": "date",
    }
