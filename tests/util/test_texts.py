"""What is shown to people: nothing in it can act on a terminal."""

from __future__ import annotations

import json

import pytest

from agx.cli.instruction import in_quotes
from agx.util.texts import shortened, visible, visible_json, visible_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcödé 漢字", "plain ünïcödé 漢字"),
        ("a\x1b[31mb\x07", "a\\x1b[31mb\\x07"),
        ("one\ntwo\tthree\r", "one\\ntwo\\tthree\\r"),
        ("\x7f\x9b2J", "\\x7f\\x9b2J"),
        ("rm \u202egnp.exe", "rm \\u202egnp.exe"),
        ("\u2028\u200b\ufeff\udc80", "\\u2028\\u200b\\ufeff\\udc80"),
        ("\u3164\U000e0041", "\\u3164\\U000e0041"),
    ],
    ids=["plain", "escape", "layout", "c1", "bidi", "invisible", "fillers and tags"],
)
def test_what_a_terminal_would_act_on_becomes_an_escape(text: str, shown: str) -> None:
    """Controls, direction overrides, invisible characters and lone surrogates; other text stays."""
    assert visible(text) == shown


def test_lines_keep_their_breaks() -> None:
    """A text of several lines keeps breaks and tabs, and nothing else that acts."""
    assert visible_lines("a\n\tb\x1b") == "a\n\tb\\x1b"


def test_json_keeps_its_value() -> None:
    """What JSON leaves raw is escaped in JSON's own way."""
    value = {"a\u202eb": ["\x7f\x9b", "é\n", "\U000e0041"]}
    text = visible_json(json.dumps(value, ensure_ascii=False, indent=1))
    assert json.loads(text) == value
    assert not set(text) & set("\u202e\x7f\x9b\U000e0041")


def test_quotes_and_cuts() -> None:
    """A hint shows double quotes where they do, and what a shell needs where they do not."""
    assert in_quotes(["list", "all files"]) == '"list all files"'
    assert in_quotes(["cost", "$5"]) == "'cost $5'"
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("abcd", 4) == "abcd"
