"""How the words of a call are read: options in every spelling, values, operands."""

from __future__ import annotations

import pytest

from agx.unix.calls import Call
from agx.unix.table import row_of
from agx.unix.words import read_words


@pytest.mark.parametrize(
    ("text", "options", "operands"),
    [
        ("sort -u a", [("-u", None)], ["a"]),
        ("sort -uo out a", [("-u", None), ("-o", "out")], ["a"]),
        ("sort -oout", [("-o", "out")], []),
        ("sort a -o out", [("-o", "out")], ["a"]),
        ("sort --output=out a", [("--output", "out")], ["a"]),
        ("sort --out out a", [("--output", "out")], ["a"]),
        ("sort -- -o a", [], ["-o", "a"]),
        ("sort -o", [("-o", None)], []),
        ("sort - a", [], ["-", "a"]),
        ("sort --nosuch a", [("--nosuch", None)], ["a"]),
        ("sed -i.bak p", [("-i", ".bak")], ["p"]),
        ("sed -ne p", [("-n", None), ("-e", "p")], []),
        ("tar xzf a.tar b", [("-x", None), ("-z", None), ("-f", "a.tar")], ["b"]),
        ("tar cIf prog a.tar b", [("-c", None), ("-I", "prog"), ("-f", "a.tar")], ["b"]),
        ("sudo -u bob ls -u x", [("-u", "bob")], ["ls", "-u", "x"]),
        ("ssh -p 22 host -l me rm -rf x", [("-p", "22"), ("-l", "me")], ["host", "rm", "-rf", "x"]),
        ("zip -T -TT sh a", [("-T", None), ("-TT", "sh")], ["a"]),
        ("openssl -in a", [("-in", "a")], []),
        ("curl --outp a b", [("--output", "a"), ("--output-dir", "a")], ["b"]),
        ("env - ls", [], ["ls"]),
        ("env A=b a.b=c ls", [], ["ls"]),
        ("timeout 1e3 ls -l", [], ["1e3", "ls", "-l"]),
        ("journalctl -n 5 -u a", [("-n", "5"), ("-u", "a")], []),
        ("journalctl -n --rotate", [("-n", None), ("--rotate", None)], []),
        ("journalctl -n5 a", [("-n", "5")], ["a"]),
        ("uniq --group a b", [("--group", None)], ["a", "b"]),
        ("man -H x", [("-H", None)], ["x"]),
        ("man -Hw x", [("-H", "w")], ["x"]),
        ("awk -W source=x f", [("-W", "source=x"), ("--source", "x")], ["f"]),
        ("awk -Wexec=x f", [("-W", "exec=x"), ("--exec", "x")], ["f"]),
        ("awk -W exec x f", [("-W", "exec"), ("--exec", "x")], ["f"]),
        ("env -u A B=c ls", [("-u", "A")], ["ls"]),
    ],
)
def test_options_values_and_operands(
    text: str, options: list[tuple[str, str | None]], operands: list[str]
) -> None:
    name, *words = text.split()
    row = row_of(name)
    assert row is not None
    given = read_words(Call(name, tuple(words)), row)
    assert [*given.options] == options
    assert [*given.operands] == operands


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("-k \0 f", False),
        ("-k \0\2 f", True),
        ("-k ./\0\1 f", False),
        ("-- -k \0\2", False),
        ("-k\0\2 f", True),
    ],
)
def test_a_value_of_several_words_may_go_on_with_an_option(words: str, *, expected: bool) -> None:
    row = row_of("sort")
    assert row is not None
    assert read_words(Call("sort", tuple(words.split())), row).may_hide_option is expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [("\0", True), ("-\0", True), ("--out\0", True), ("--output=\0", False), ("-o\0", False), ("./\0", False),
     ("-" + "u" * 100, True)],
)  # fmt: skip
def test_a_word_that_may_be_any_option_is_noticed(word: str, *, expected: bool) -> None:
    row = row_of("sort")
    assert row is not None
    assert read_words(Call("sort", (word,)), row).may_hide_option is expected
