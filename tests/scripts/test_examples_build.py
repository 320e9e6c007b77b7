"""Building the bank of examples: what is held out, what is left out, and that it is the same each time."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from agx.prompts.examples import Example, example_bank
from scripts.examples.build import (
    CORE,
    EVERYDAY,
    MAX_OF_TEMPLATE,
    bank_lines,
    core_lines,
    core_requests,
    main,
    packed,
)
from scripts.planner.forms import one_form
from scripts.planner.prepare import command_key, is_dev, wording
from scripts.planner.sources import Pair, nl2bash, read_lines

NL2BASH = Path(__file__).parents[3] / "shared/data/nl2bash"
COMMANDS = [f"find . -name '*.x{number}'" for number in range(200)]
DEV_COMMAND = next(cmd for cmd in COMMANDS if is_dev(cmd))
OTHER_COMMAND = next(cmd for cmd in COMMANDS if not is_dev(cmd))
EVALUATION = [{"instruction": "print hello", "reference": ["echo hello", "printf hello"]}]


def built(*corpus: tuple[str, str], own: tuple[tuple[str, str], ...] = ()) -> list[str]:
    """Return the instructions of the bank that these pairs make."""
    lines = bank_lines(
        [Pair(nl, cmd, "nl2bash") for nl, cmd in corpus],
        [Pair(nl, cmd, "own") for nl, cmd in own],
        EVALUATION,
    )
    return [Example.from_line(line).instruction for line in lines]


def test_nothing_of_the_development_set_is_taken() -> None:
    """Neither its commands, in any form and from any source, nor its instructions."""
    again = DEV_COMMAND.replace("'", '"')
    corpus = (("find them", DEV_COMMAND), ("Find  them.", OTHER_COMMAND), ("others", OTHER_COMMAND))
    assert built(*corpus, own=(("mine", again), ("find them", "ls"), ("more", "ls -a"))) == ["more", "others"]


def test_nothing_of_the_everyday_evaluation_is_taken() -> None:
    own = (("say hello", "printf 'hello'"), ("Print hello.", "cat hello"), ("say what", "echo what"))
    assert built(("PRINT hello", "cat hello"), own=own) == ["say what"]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("ls; pwd", id="no plan"),
        pytest.param("frobnicate", id="unknown tool"),
        pytest.param("ls | nothing", id="unknown later"),
        pytest.param("date >> log", id="appends"),
        pytest.param("grep \u2018a\u2019 b", id="typeset quotes"),
        pytest.param('echo "\x1b$(ls)"', id="control character"),
        pytest.param("echo " + "x" * 400, id="long"),
    ],
)
def test_what_no_model_should_copy_is_left_out(command: str) -> None:
    assert built(("it", command), ("good", "ls")) == ["good"]


def test_a_find_is_in_one_form_and_a_pair_comes_once() -> None:
    name = OTHER_COMMAND.split("'")[1]
    forms = [OTHER_COMMAND, f"find -name '{name}'", f"find ./ -name '{name}' -print"]
    corpus = [Pair("all", cmd, "nl2bash") for cmd in forms if not is_dev(cmd)]
    assert len(corpus) > 1
    (line,) = bank_lines(corpus, [], [])
    assert line == f'all\t[{{"command":"find","args":[".","-name","{name}"]}}]'


def test_own_requests_are_sampled_by_plan_and_template() -> None:
    own = tuple((f"{how} f{number}", f"cat f{number}") for number in range(9) for how in ("print", "show"))
    assert built(own=own) == [f"print f{number}" for number in range(MAX_OF_TEMPLATE)]


def test_the_corpus_keeps_its_wordings() -> None:
    assert built(("print it", "cat it"), ("show it", "cat it")) == ["print it", "show it"]


def test_the_file_is_the_same_bytes_each_time() -> None:
    assert packed(["a\t[]", "b\t[]"]) == packed(["a\t[]", "b\t[]"])
    assert gzip.decompress(packed(["a\t[]", "b\t[]"])) == b"a\t[]\nb\t[]\n"


def test_the_command_writes_the_bank(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"nl": "count the frobs", "cmd": "wc -l frobs"}
    (tmp_path / "train.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    main([str(tmp_path), str(tmp_path / "bank.tsv.gz")])
    text = gzip.decompress((tmp_path / "bank.tsv.gz").read_bytes()).decode()
    assert 'count the frobs\t[{"command":"wc","args":["-l","frobs"]}]\n' in text
    assert f"{text.count(chr(10)):,} pairs" in capsys.readouterr().out


def test_the_shipped_bank_has_no_wording_of_the_everyday_evaluation() -> None:
    asked = {wording(row["instruction"]) for row in read_lines(EVERYDAY)}
    assert asked.isdisjoint(wording(example.instruction) for example in example_bank())


@pytest.mark.skipif(not NL2BASH.exists(), reason=f"the corpus is not there: {NL2BASH}")
def test_the_shipped_bank_has_nothing_of_the_development_set() -> None:
    development = [pair for pair in nl2bash(NL2BASH) if is_dev(pair.cmd)]
    shipped = list(example_bank())
    asked = {wording(pair.nl) for pair in development}
    assert asked.isdisjoint(wording(example.instruction) for example in shipped)
    plans = {json.dumps(one_form([task.written() for task in example.tasks])) for example in shipped}
    assert plans.isdisjoint(command_key(pair.cmd) for pair in development)


def test_the_core_is_what_its_requests_make() -> None:
    made = "".join(f"{line}\n" for line in core_lines(core_requests()))
    assert CORE.read_text(encoding="utf-8") == made


def test_nothing_that_agx_is_measured_on_is_in_the_core() -> None:
    evaluation = list(read_lines(EVERYDAY))
    asked = {wording(row["instruction"]) for row in evaluation}
    answers = {command_key(reference) for row in evaluation for reference in row["reference"]}
    assert not asked & {wording(instruction) for instruction, _ in core_requests()}
    assert not answers & {command_key(command) for _, command in core_requests()}
    assert not any(is_dev(command) for _, command in core_requests())


@pytest.mark.skipif(not NL2BASH.exists(), reason="the corpus is not here")
def test_nothing_of_the_development_set_is_in_the_core() -> None:
    development = [pair for pair in nl2bash(NL2BASH) if is_dev(pair.cmd)]
    held_out = {command_key(pair.cmd) for pair in development}
    assert not held_out & {command_key(command) for _, command in core_requests()}
    assert not {wording(pair.nl) for pair in development} & {wording(text) for text, _ in core_requests()}
