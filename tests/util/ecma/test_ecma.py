"""Regular expressions of JavaScript: what they find, what is none, and the same for two engines."""

from __future__ import annotations

import json
import re
from random import Random

import pytest

from agx.util.ecma.finite import texts
from agx.util.ecma.parsing import parse
from agx.util.ecma.writing import for_constraint
from agx.util.patterns import PatternError, is_found
from tests.grammar.walks import byte_compiler, random_walk

FINDS = [
    (r"^\d{2}$", ["12"], ["1", "123", "١٢", "12\n"]),
    (r"^\w+$", ["a_1"], ["é", ""]),
    (r"^\W$", ["é", "-"], ["a"]),
    (r"^\s$", [" ", "\ufeff", "\u00a0"], ["\x1c", "a"]),
    (r"^.$", ["a"], ["\n", "\u2028", "\r"]),
    (r"(?s)^.$", ["a", "\n"], []),
    (r"a|^b|c$", ["xay", "bx", "xc"], ["xbx", "cx"]),
    (r"^\p{L}+$", ["é", "Ж"], ["1", ""]),
    (r"^[^\p{Cc}]{1,3}$", ["a b"], ["a\x00", "abcd"]),
    (r"^\p{Script=Greek}$", ["λ"], ["a"]),
    (r"^\P{L}$", ["1"], ["é"]),
    (r"^\u{41}\x42\u0043$", ["ABC"], ["abc"]),
    (r"^\ud83d\ude00$", ["😀"], []),
    (r"^[^\ud800-\udfff]$", ["😀", "a"], [""]),
    (r"^(?<first>a|b)\k<first>$", ["aa", "bb"], ["ab"]),
    (r"^(?P<n>a|b)-\1$", ["a-a"], ["a-b"]),
    (r"^(?!no)\w+$", ["yes"], ["nothing"]),
    (r"^(?=.*\d)\w+$", ["a1"], ["a"]),
    (r"(?<=a{1,3})b", ["ab"], ["b"]),
    (r"(?<!\$)\d", ["a1"], ["$1"]),
    (r"\bfoo\b", ["a foo b"], ["afoo"]),
    (r"^\Bb", [], ["b"]),
    (r"^[a-z0-9@#%_+\-=[\]{}|;:,.~]*$", ["a[b]~", ""], ["a b"]),
    (r"^https\:\/\/", ["https://x"], ["http://x"]),
    (r"^[[:alpha:]]+$", ["a]", ":]"], ["abc", "a"]),
    (r"^[a&&b~~c]+$", ["&a~"], ["-"]),
    (r"^[\w-]+$", ["a-b"], ["a b"]),
    (r"^[^]$", ["\n"], [""]),
    (r"^[\b]$", ["\b"], ["b"]),
    (r"(?i)^straße$", ["STRAßE"], ["strasse"]),
    (r"^(?i:A)b$", ["ab"], ["aB"]),
    (r"\AB\Z", ["B"], ["AB", "B\n"]),
    (r"^x{,3}$", ["x{,3}"], ["xx"]),
    (r"^a{2}?$", ["aa"], ["a"]),
    (r"^\cJ\t\0$", ["\n\t\0"], []),
    ("", ["", "a"], []),
]


@pytest.mark.parametrize(("pattern", "fits", "fits_not"), FINDS, ids=[each[0] for each in FINDS])
def test_what_is_found(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    assert [text for text in fits if not is_found(pattern, text)] == []
    assert [text for text in fits_not if is_found(pattern, text)] == []


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "a group is not closed"),
        ("a)", "a `)` too many"),
        ("[a", "a set of characters is not closed"),
        ("[b-a]", "a range of characters ends before it begins"),
        ("*a", "nothing to repeat"),
        ("a**", "nothing to repeat"),
        ("a{3,2}", "cannot be repeated"),
        ("a{99999999999}", "cannot be repeated"),
        ("a\\", "ends with a backslash"),
        (r"\2(a)", "there is no group 2"),
        (r"\k<n>", "there is no group n"),
        ("(?<n>a)(?<n>b)", "two groups are called n"),
        ("(?>a)", "a group cannot begin with"),
        (r"\u{110000}", "there is no character"),
        (r"\p{Nothing}", "is no regular expression"),
        ("(" * 3000, "nested too deeply"),
    ],
    ids=lambda value: value[:20],
)
def test_what_is_no_regular_expression_has_a_reason(pattern: str, reason: str) -> None:
    with pytest.raises(PatternError, match=re.escape(reason)):
        is_found(pattern, "a")


def test_a_search_that_takes_too_long_ends() -> None:
    with pytest.raises(PatternError, match="takes more than 1 s"):
        is_found("^(a|aa)+$", "a" * 60 + "!")


EXACT = [each[0] for each in FINDS if not re.search(r"\(\?[<]?[=!]|\\[bBk1]", each[0].replace(r"[\b]", ""))]


@pytest.mark.parametrize("pattern", EXACT)
def test_what_the_constraint_writes_is_found(pattern: str) -> None:
    held = for_constraint(parse(pattern))
    assert held.is_exact
    compiler = byte_compiler()
    for seed in range(20):
        constraint = compiler.compile({"type": "string", "pattern": held.text})
        text = json.loads(random_walk(constraint, Random(seed), ending=b'"'))
        assert is_found(pattern, text), text


@pytest.mark.parametrize(("pattern", "fits", "fits_not"), FINDS, ids=[each[0] for each in FINDS])
def test_the_constraint_writes_what_is_found(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    """Where it is exact it writes nothing else."""
    held = for_constraint(parse(pattern))
    constraint = byte_compiler().compile({"type": "string", "pattern": held.text})
    assert [text for text in fits if not takes(constraint, text)] == []
    if held.is_exact:
        assert [text for text in fits_not if takes(constraint, text)] == []


def takes(constraint: object, text: str) -> bool:
    """Return whether a constraint lets a text be written."""
    copy = constraint._matcher.deep_copy()  # type: ignore[attr-defined]
    return all(
        copy.try_consume_tokens([byte]) == 1 for byte in json.dumps(text, ensure_ascii=False).encode()
    ) and (copy.is_accepting())


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("^[ab]$", ["a", "b"]),
        ("^(?:x|y[12])$", ["x", "y1", "y2"]),
        ("^a$|^b$", ["a", "b"]),
        ("^(a|b){1,2}$", ["a", "b", "aa", "ab", "ba", "bb"]),
        ("^(x-)?y$", ["y", "x-y"]),
        ("^$", [""]),
        ("^[]$", []),
        ("a", None),
        ("^a+$", None),
        ("^a|b$", None),
        ("^[^a]$", None),
        (r"^\p{L}$", None),
        (r"^\d{2}$", None),
        ("^(?!a)[ab]$", None),
    ],
)
def test_few_texts_are_listed(pattern: str, expected: list[str] | None) -> None:
    assert texts(parse(pattern), at_most=20) == expected
