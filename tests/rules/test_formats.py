"""Formats of JSON Schema: what has one, what has not, and what the constraint writes for it."""

from __future__ import annotations

import json
from random import Random

import pytest
from jsonschema import Draft202012Validator

from agx.rules.formats import CHECKS
from agx.util.ecma.parsing import parse
from agx.util.ecma.writing import for_constraint
from agx.util.formats import PATTERNS
from agx.util.patterns import is_found
from tests.grammar.walks import byte_compiler, random_walk

CASES: dict[str, tuple[list[str], list[str]]] = {
    "date": (
        ["1990-02-28", "2000-02-29", "2024-12-31"],
        [
            "1990-02-31",
            "1900-02-29",
            "2024-13-01",
            "0000-01-01",
            "2024-1-1",
            "20240101",
            "2024-W01-1",
            "١٩٩٠-01-01",
        ],
    ),
    "time": (
        ["12:00:00Z", "23:59:60Z", "12:00:00.5+02:00", "00:59:60+01:00"],
        ["12:00:00", "24:00:00Z", "12:60:00Z", "12:00:60Z", "12:00:00+24:00", "12:00Z"],
    ),
    "date-time": (
        ["2024-02-29T12:00:00Z", "1990-01-01t00:00:00.123z"],
        ["2023-02-29T12:00:00Z", "2024-02-29 12:00:00Z", "2024-02-29T12:00:00", "2024-02-29"],
    ),
    "duration": (["P1D", "PT5M", "P1Y2M3DT4H", "P2W"], ["P", "1D", "PT", "P1D2W", "P1H"]),
    "email": (
        ["a@b.de", "o'hara+x@mail.example.com", '"a b"@c.de', "müller@example.com"],
        ["a", "@b", "a@", "a b@c.de"],
    ),
    "hostname": (
        ["example.com", "a", "xn--a.de"],
        ["-a.de", "a..b", "", "a_b.de", "a" * 64 + ".de", "a.de."],
    ),
    "idn-hostname": (["münchen.de"], ["", "a b", "a..b"]),
    "ipv4": (["127.0.0.1", "255.255.255.255"], ["256.0.0.1", "1.2.3", "01.2.3.4", "1.2.3.4/8"]),
    "ipv6": (
        ["::", "::1", "fe80::1:2", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4"],
        ["1:2", ":::", "12345::", "fe80::1%eth0", "1::2::3"],
    ),
    "uuid": (["123e4567-e89b-12d3-a456-426614174000"], ["123e4567e89b12d3a456426614174000", "123"]),
    "uri": (
        ["https://a.de/b?c=d#e", "mailto:a@b.de", "urn:isbn:1", "file:///x", "http://[::1]:80/x", "a:b"],
        ["/a", "a", "http://a b", "http://a.de/%zz", "http://[x]/", "http://a:b/", "", "//a.de"],
    ),
    "uri-reference": (
        ["/a", "a/b?c", "#d", "", "//a.de", "../x", "https://a.de"],
        ["a b", "\\\\a", "1:b", "%"],
    ),
    "iri": (["https://münchen.de/ä"], ["ä", "http://a b"]),
    "iri-reference": (["ä/b"], ["a b"]),
    "uri-template": (["/a/{b}", "/a{?b,c}"], ["/a/{b", "/a}", "{}"]),
    "json-pointer": (["", "/a/0", "/a~1b~0"], ["a", "/~2", "/~"]),
    "relative-json-pointer": (["0#", "1/a"], ["/a", "-1", "01/a"]),
    "regex": (["^a$", r"\p{L}"], ["(", "[b-a]"]),
    "idn-email": (["müller@münchen.de"], ["a"]),
}


def test_every_format_has_cases() -> None:
    assert CASES.keys() == CHECKS.keys()
    assert PATTERNS.keys() == CHECKS.keys() - {"regex"}


@pytest.mark.parametrize("name", CASES)
def test_what_has_a_format(name: str) -> None:
    fits, fits_not = CASES[name]
    assert [text for text in fits if not CHECKS[name](text)] == []
    assert [text for text in fits_not if CHECKS[name](text)] == []


@pytest.mark.parametrize("name", CASES)
def test_what_jsonschema_refuses_has_no_format(name: str) -> None:
    """As far as its optional parts are installed; leap seconds are valid by RFC 3339 all the same."""
    checker = Draft202012Validator.FORMAT_CHECKER
    fits, fits_not = CASES[name]
    taken = [text for text in (*fits, *fits_not) if CHECKS[name](text)]
    assert [
        text for text in taken if not is_known_apart(name, text) and not checker.conforms(text, name)
    ] == []


def is_known_apart(name: str, text: str) -> bool:
    """Return whether `jsonschema` is known to be wrong: it takes a 0 inside a number for one in front."""
    return name == "regex" or ":60" in text or (name == "relative-json-pointer" and "0" in text)


@pytest.mark.parametrize("name", PATTERNS)
def test_what_the_constraint_writes_has_the_format(name: str) -> None:
    compiler, checker = byte_compiler(), Draft202012Validator.FORMAT_CHECKER
    held = for_constraint(parse(PATTERNS[name]))
    assert held.is_exact
    written = set()
    for seed in range(60):
        constraint = compiler.compile({"type": "string", "pattern": held.text})
        text = json.loads(random_walk(constraint, Random(seed), ending=b'"'))
        assert is_found(PATTERNS[name], text), text
        assert CHECKS[name](text), text
        assert is_known_apart(name, text) or checker.conforms(text, name), text
        written.add(text)
    assert len(written) > 10
