"""Why a plan was cut off, and what would help."""

from __future__ import annotations

import json

import pytest

from agx.backends.truncation import repeats_itself, truncated
from agx.requests import Usage

# As a model of 135 million parameters wrote it.
IN_CIRCLES = '{"tasks":[' + '{"command":"test","args":[{"env":"HOME"},"text","text","text"]},' * 10
PLAN = json.dumps(
    {
        "tasks": [
            {"command": "find", "args": [".", "-name", "*.rs", "-mtime", "-7", "-size", "+10k"]},
            {"command": "xargs", "args": ["wc", "-l"], "input_from_task": 1},
            {"command": "sort", "args": ["-rn", "-k", "2"], "input_from_task": 2},
            {"command": "head", "args": ["-n", "12"], "input_from_task": 3, "save_to": "largest.txt"},
        ]
    }
)


@pytest.mark.parametrize(
    ("usage", "context_length", "message", "hint"),
    [
        (Usage(900, 512), 8192, "within 512 tokens", "--max-tokens"),
        (Usage(900, 512), None, "within 512 tokens", "--max-tokens"),
        (Usage(1900, 148), 2048, "when the context of 2,048 tokens was full", "--context-size"),
    ],
    ids=["the budget ended", "a context nobody knows", "the context was full"],
)
def test_the_error_says_what_ended(usage: Usage, context_length: int | None, message: str, hint: str) -> None:
    error = truncated(PLAN, usage, max_tokens=512, context_length=context_length)
    assert error.message == f"the plan was not finished {message}"
    assert hint in error.hint
    assert error.text == PLAN


def test_a_model_that_repeats_itself_needs_no_more_tokens() -> None:
    error = truncated(IN_CIRCLES, Usage(900, 512), max_tokens=512, context_length=8192)
    assert error.hint == "the model repeats itself: try --repeat-penalty 1.1, or use a larger model"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (IN_CIRCLES, True),
        ("é" * 300, True),
        ("\ud800" * 300, True),
        (PLAN, False),
        ("aaaa" * 20, False),
        ("", False),
    ],
    ids=["tasks", "letters", "half a character", "a plan", "too short to say", "nothing"],
)
def test_repetition_is_seen(text: str, *, expected: bool) -> None:
    assert repeats_itself(text) is expected
