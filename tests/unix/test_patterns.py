"""Which arguments are patterns for the tool itself."""

from __future__ import annotations

import pytest

from agx.unix.patterns import PatternPlaces, has_wildcard, is_option_value


@pytest.mark.parametrize(
    ("words", "patterns"),
    [
        ("find . -name *.c -type f", ["*.c"]),
        ("find . -path ./a -prune -o -iname b", ["./a", "b"]),
        ("grep foo* file*", ["foo*"]),
        ("grep -e a* b*", ["a*"]),
        ("grep -r --include=*.py foo src", ["--include=*.py", "foo"]),
        ("grep -A 3 foo file", ["foo"]),
        ("grep -f patterns file", []),
        ("sed s/a/b/ file", ["s/a/b/"]),
        ("awk -F : prog file", ["prog"]),
        ("ls *.txt", []),
        ("ls -I *.bak *.txt", ["*.bak"]),
        ("tar --exclude=*.o -cf a.tar dir", ["--exclude=*.o"]),
        ("xargs grep foo*", ["foo*"]),
        ("xargs -n 1 grep foo*", ["foo*"]),
        ("xargs -I {} cp {} *.d", []),
        ("sudo -u root grep foo* x*", ["foo*"]),
        ("env A=b grep foo* x*", ["foo*"]),
        ("timeout 5s grep foo* x*", ["foo*"]),
        ("nice -n 5 sed p x*", ["p"]),
        ("strace -o log grep foo* x*", ["foo*"]),
        ("flock lock* grep foo* x*", ["foo*"]),
        ("find . -exec grep foo* {} ; -name b*", ["foo*", "b*"]),
        ("tr a-z A-Z", ["a-z"]),
        ("cat *", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_tool_gets_its_pattern_and_the_shell_the_rest(words: str, patterns: list[str]) -> None:
    command, *arguments = words.split()
    places = PatternPlaces(command)
    assert [text for text in arguments if places.is_pattern(text)] == patterns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*", True),
        ("a?", True),
        ("[ab]", True),
        ("[a", False),
        ("a", False),
        ("[]", False),
        ("[[]", True),
        ("a[]b[c]", True),
        ("a]b[c]", True),
        ("[\0]", False),
        ("[\0a[b]", True),
        ("[" * 100_000, False),
    ],
    ids=lambda value: str(value)[:9],
)
def test_wildcards_are_those_of_a_shell(text: str, *, expected: bool) -> None:
    assert has_wildcard(text) is expected


def test_values_of_options_are_known_for_the_tools_family() -> None:
    assert is_option_value("egrep", "-A")
    assert is_option_value("xargs", "-I")
    assert not is_option_value("ls", "-A")
