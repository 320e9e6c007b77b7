"""What is typed wrongly: each a sentence, a hint and exit code 2, and nothing on stdout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agx.cli.commands.plan import VERBS
from tests.cli.conftest import Agx


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["plan"], "there is no instruction", "in quotes"),
        (["plan", ""], "the instruction is empty", "say what to do"),
        (["plan", " \n"], "the instruction is empty", "say what to do"),
        (["plan", "find", "all", "files"], "has 3 arguments", 'agx plan "find all files"'),
        (["plan", "--", "find", "all"], "has 2 arguments", 'agx plan "find all"'),
        (["plan", "--seed", "1", "list"], "`list` is a verb only as the first word", "agx plan -- list"),
        (["plan", "--seed", "1", "list", "all files"], "only as the first word", 'agx plan "list all files"'),
        (["plan", "add", "wc", "the lines"], "has 2 arguments", 'agx plan "add wc the lines"'),
        (["plan", "list", "all files"], "unexpected extra argument", 'agx plan "list all files"'),
        (["plan", "x", "--bogus"], "there is no option --bogus", "agx plan --help"),
        (["plan", "x", "--format", "xml"], "'xml' is not one of", "agx plan --help"),
        (
            ["plan", "x", "--temperature", "hot"],
            "temperature cannot be 'hot' (--temperature)",
            "from 0 to 10",
        ),
        (["plan", "x", "--device", "tpu"], "device cannot be 'tpu' (--device)", "auto, cuda, metal, cpu"),
        (["plan", "x", "--role", "delta"], "refines a draft", "--draft FILE"),
        (["plan", "x", "--role", "both", "--draft", "d"], "--role both does not read", "--role delta"),
        (["plan", "x", "--instruction-file", "f"], "and an --instruction-file", "one of them"),
        (["plan", "--instruction-file", "-"], "cannot be standard input", "write it to a file"),
        (["plan", "--instruction-file", "missing"], "missing cannot be read: No such file", "check"),
        (["plan", "--draft", "missing"], "the draft missing cannot be read", "check"),
        (["plan", "bad \udcff bytes"], "not valid UTF-8", "UTF-8 locale"),
        (["plna", "x"], "no command 'plna'; did you mean plan?", 'agx plan "plna x"'),
        (["list all rust files"], "no command 'list all rust files'", 'agx plan "list all rust files"'),
        (["config"], "no command was given", "agx config --help"),
        (["--bogus"], "no such option '--bogus'", "agx --help"),
    ],
)
def test_a_usage_error_says_what_to_type(agx: Agx, arguments: list[str], message: str, hint: str) -> None:
    """The last two lines are `error:` and `hint:`."""
    done = agx(*arguments)
    assert (done.code, done.out) == (2, "")
    error, advice = done.err.splitlines()[-2:]
    assert error.startswith("error: ")
    assert message in error
    assert advice.startswith("hint: ")
    assert hint in advice
    assert done.backend.requests == []


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_verb_counts_only_as_the_exact_first_word(agx: Agx, verb: str) -> None:
    """As a part of an instruction, or behind `--`, it is a word, and is planned."""
    assert agx("plan", verb, "--help").out.startswith(f"Usage: agx plan {verb} ")
    for arguments in ([f"{verb} something"], ["--", verb], [verb.upper()], [f" {verb}"]):
        done = agx("plan", *arguments)
        assert (done.code, len(done.backend.requests)) == (0, 1)
    assert agx("plan", "--json", verb).code == 2


def test_usage_errors_are_json_with_json(agx: Agx) -> None:
    """Errors that come before any option has been parsed have the form, too."""
    wrong = ["plan --json --bogus", "plan a b --json", "plan undo x --json", "plan x --json --format shell"]
    for arguments in wrong:
        done = agx(*arguments.split())
        assert (done.code, done.out) == (2, "")
        assert json.loads(done.err)["error"]["hint"]


def test_a_faulty_file_of_settings_has_its_line(agx: Agx, tmp_path: Path) -> None:
    """It is exit code 2, as a faulty option is."""
    (tmp_path / "agx.toml").write_text("\nbackend = 'olama'\n")
    done = agx("plan", "x")
    assert done.code == 2
    assert "agx.toml:2" in done.err
