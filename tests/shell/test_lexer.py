"""The lexer: words, pieces and operators of shell text."""

from __future__ import annotations

import pytest

from agx.shell.braces import MAX_WORD_CHARS, MAX_WORDS, expand_braces
from agx.shell.lexer import Lexer
from agx.shell.refusals import NotAPlan, excerpt
from agx.shell.tokens import Operator, Word


def words(text: str) -> list[str | None]:
    """Return each token's literal text, or the operator itself."""
    return [token.literal if isinstance(token, Word) else token.text for token in Lexer(text).tokens()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b", ["a", "b"]),
        ("  a\t b\r\n", ["a", "b", "\n"]),
        ("'a b'", ["a b"]),
        ('"a b"', ["a b"]),
        ("a\\ b", ["a b"]),
        ("a'b'\"c\"d", ["abcd"]),
        ("''", [""]),
        ('""', [""]),
        ("'\\n'", ["\\n"]),
        ('"\\n"', ["\\n"]),
        ('"\\$\\`\\"\\\\"', ['$`"\\']),
        ("\\;", [";"]),
        ("\\( \\)", ["(", ")"]),
        ("a\\\nb", ["ab"]),
        ('"a\\\nb"', ["ab"]),
        ("a \\\n b", ["a", "b"]),
        ("$'a\\tb'", ["a\tb"]),
        ("$'\\x41\\101\\u263a\\U0001F600'", ["AA☺😀"]),
        ("$'\\'\\\\\\?'", ["'\\?"]),
        ("$'\\q\\x'", ["\\q\\x"]),
        ("$'\\xc3\\xa9\\303\\251\\cA\\e'", ["éé\x01\x1b"]),
        ('$"hello"', ["hello"]),
        ("foo$", ["foo$"]),
        ("a$%b", ["a$%b"]),
        ("a # comment", ["a"]),
        ("a#b", ["a#b"]),
        ("# only\na", ["\n", "a"]),
        ("a|b", ["a", "|", "b"]),
        ("a>>b", ["a", ">>", "b"]),
        ("a&&b||c;d&", ["a", "&&", "b", "||", "c", ";", "d", "&"]),
    ],
)
def test_quoting_and_tokens(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_the_number_before_a_redirection_belongs_to_it() -> None:
    assert list(Lexer("2>x 12>y").tokens())[::2] == [Operator(">", fd=2), Operator(">", fd=12)]
    assert words("echo 2 >x") == ["echo", "2", ">", "x"]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("$HOME", [("env", "HOME", False)]),
        ("${HOME}", [("env", "HOME", False)]),
        ('"$HOME/a"', [("text", "", True), ("env", "HOME", True), ("text", "/a", True)]),
        ("$(date)", [("substitution", "date", False)]),
        ("`date`", [("substitution", "date", False)]),
        ('"$(a "b c")"', [("text", "", True), ("substitution", 'a "b c"', True)]),
        ("$(a ')' \")\" \\))", [("substitution", "a ')' \")\" \\)", False)]),
        ('$(echo "$(echo ")")")', [("substitution", 'echo "$(echo ")")"', False)]),
        ("$(a $(b))", [("substitution", "a $(b)", False)]),
        ("`a \\`b\\``", [("substitution", "a `b`", False)]),
    ],
)
def test_expansions_come_out_as_pieces(text: str, kinds: list[tuple[str, str, bool]]) -> None:
    (word,) = Lexer(text).tokens()
    assert isinstance(word, Word)
    assert [(piece.kind, piece.text, piece.quoted) for piece in word.pieces] == kinds
    assert word.literal is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", "a"),
        ("{a,b}", "a b"),
        ("x{a,b}y", "xay xby"),
        ("{a,b}{1,2}", "a1 a2 b1 b2"),
        ("{1..4}", "1 2 3 4"),
        ("{3..1}", "3 2 1"),
        ("{-1..1}", "-1 0 1"),
        ("{1..1}x{b..b}{5..6..10}", "1xb5"),
        ("{08..10}", "08 09 10"),
        ("{0..2}", "0 1 2"),
        ("{0..10..2}", "0 2 4 6 8 10"),
        ("{10..1..-4}", "10 6 2"),
        ("{a..e..2}", "a c e"),
        ("{a'b',c}d", "abd cd"),
        ("{'a,b',c}", "a,b c"),
        ("{a'..'c}", "{a..c}"),
        ("{1..2}{3..4}", "13 14 23 24"),
        ("{a..c}", "a b c"),
        ("file{,.bak}", "file file.bak"),
        ("{a,{b,c}}", "a b c"),
        ("{{a,b}}", "{a} {b}"),
        ("{a,b", "{a,b"),
        ("{}", "{}"),
        ("{a}", "{a}"),
        ("{}.{a,b}", "{}.a {}.b"),
        ("a,b}", "a,b}"),
    ],
)
def test_braces_expand_as_in_bash(text: str, expected: str) -> None:
    (word,) = Lexer(text).tokens()
    assert isinstance(word, Word)
    assert [one.literal for one in expand_braces(word)] == expected.split()


def test_quoted_braces_stay() -> None:
    for text in ("'{a,b}'", '"{a,b}"', "\\{a,b\\}"):
        (word,) = Lexer(text).tokens()
        assert isinstance(word, Word)
        assert [one.literal for one in expand_braces(word)] == ["{a,b}"]


@pytest.mark.parametrize(
    "text",
    [f"{{1..{MAX_WORDS + 1}}}", "{a,b}" * 8, "{a,b}" + "x" * MAX_WORD_CHARS],
    ids=["range", "product", "long"],
)
def test_braces_with_too_many_words_are_no_plan(text: str) -> None:
    (word,) = Lexer(text).tokens()
    assert isinstance(word, Word)
    with pytest.raises(NotAPlan) as caught:
        expand_braces(word)
    assert caught.value.reason == "braces"


def test_long_texts_are_shortened_for_messages() -> None:
    assert excerpt("short") == "short"
    assert len(excerpt("x" * 1000)) == 60
