"""Which arguments are patterns for the tool itself."""

from __future__ import annotations

import pytest

from agx.unix.options import unix_options
from agx.unix.word_roles import has_wildcard, roles


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
        ("grep -rf patterns file*", []),
        ("grep foo* -e b*", ["b*"]),
        ("grep --regexp=a* b*", ["--regexp=a*"]),
        ("sed -ne a* b*", ["a*"]),
        ("perl -ne a* b*", ["a*"]),
        ("perl a* b*", ["a*"]),
        ("watch grep foo* x*", ["foo*"]),
        ("parallel -j 4 grep foo* {} ::: x*", ["foo*"]),
        ("fd -e c -x grep foo* {} ; x*", ["foo*"]),
        ("/usr/bin/env grep foo* x*", ["foo*"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_tool_gets_its_pattern_and_the_shell_the_rest(words: str, patterns: list[str]) -> None:
    command, *arguments = words.split()
    found = roles(command, arguments)
    assert [text for text, role in zip(arguments, found, strict=True) if role.is_pattern] == patterns


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
    def takes_value(tool: str, option: str) -> bool:
        options = unix_options(tool)
        return options is not None and options.takes_value(option)

    assert takes_value("egrep", "-A")
    assert takes_value("xargs", "-I")
    assert not takes_value("ls", "-A")


def test_an_operand_is_one_besides_the_pattern_and_belongs_to_the_inner_tool() -> None:
    found = roles("xargs", ["-n", "1", "grep", "-c", "x", "f"])
    assert [role.tool for role in found] == ["xargs", "xargs", "xargs", "grep", "grep", "grep"]
    assert [role.is_operand for role in found] == [False, False, False, False, False, True]


def test_commands_inside_each_other_are_followed_to_the_last() -> None:
    found = roles("sudo", [*["sudo"] * 254, "grep", "a*"])
    assert found[-1] == ("grep", True, False, False)
