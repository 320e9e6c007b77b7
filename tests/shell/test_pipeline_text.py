"""Tasks as one pipeline: whatever is written is read back as the same tasks, and the rest has no form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agx.errors import AgxError
from agx.plan.schema import Task
from agx.shell.parse import parse_shell
from agx.shell.pipeline_text import pipeline_text
from tests.plan.helpers import plan_of

EVERYDAY = Path(__file__).parents[1] / "data" / "everyday.jsonl"


@pytest.mark.parametrize(
    "text",
    [
        "ls -l",
        "du -ah . | sort -rh | head -n 10",
        "ls *.txt",
        'echo "$HOME"/x',
        "sort a.txt >> out.txt",
        "kill $(pgrep -f firefox)",
        'tar -czf "$(date +%F)".tar.gz src',
        "ls | xargs -I '{}' cp '{}' \"$(pwd)\"",
    ],
)
def test_a_pipeline_is_written_as_it_was_read(text: str) -> None:
    assert pipeline_text(parse_shell(text).tasks) == text


@pytest.mark.parametrize(
    "rows",
    [
        [{"command": "ls"}, {"command": "pwd"}],
        [{"command": "ls"}, {"command": "wc", "args": [{"task": 1}], "input_from_task": 1}],
        [{"command": "ls", "save_to": "a"}, {"command": "wc", "input_from_task": 1}],
        [
            {"command": "cd"},
            {"command": "ls"},
            {"command": "wc", "args": [{"task": 1}], "input_from_task": 2},
        ],
        [{"command": "echo", "args": ["two\nlines"]}],
        [{"command": "get_weather", "arguments": {"city": "Rome"}}],
        [{"command": "wc", "input_from_task": 2}, {"command": "ls"}],
    ],
    ids=[
        "two",
        "used twice",
        "saved and read",
        "another order",
        "two lines",
        "a function",
        "reads ahead",
    ],
)
def test_what_is_not_one_pipeline_has_no_text(rows: list[dict[str, Any]]) -> None:
    assert pipeline_text(plan_of(*rows).tasks) is None


@pytest.mark.parametrize(
    "text",
    [
        "echo $(date) $(hostname)",
        "cd $(dirname $(which ls))",
        'echo "$(pwd)"/"$NAME"',
        'echo "$HOME"/"$(date)"',
        "grep 'a.*'\"$(hostname)\" log",
        "grep \"$(hostname)\"'.*' log",
        'ls *-"$(hostname)"',
        "kill $(ps | cat | cat | cat | cat)",
    ],
)
def test_what_a_model_may_not_write_has_no_text(text: str) -> None:
    """The grammar of the dialect refuses these: a draft of that form would have to be changed."""
    assert parse_shell(text)
    assert pipeline_text(parse_shell(text).tasks) is None


def test_every_text_of_everyday_plans_is_read_back_as_the_same_tasks() -> None:
    lines = EVERYDAY.read_text(encoding="utf-8").splitlines()
    commands = {command for line in lines for command in json.loads(line)["reference"]}
    texts = {command: pipeline_text(tasks) for command in commands if (tasks := tasks_of(command))}
    written = {command: text for command, text in texts.items() if text is not None}
    assert len(written) > 0.9 * len(texts) > 100
    for command, text in written.items():
        assert tasks_of(text) == tasks_of(command)


def tasks_of(command: str) -> tuple[Task, ...]:
    """Return the tasks of a command, none where it is no plan."""
    try:
        return parse_shell(command).tasks
    except AgxError:
        return ()
