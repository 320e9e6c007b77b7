"""Reading argument vectors: options, values and operands, as getopt would."""

from __future__ import annotations

import pytest

from agx.plan.tools import ToolOptions
from agx.unix.calls import DATA
from agx.unix.option_words import read_words
from agx.unix.options import unix_options


def kinds(tool: str, *words: str) -> str:
    """Return the first letter of each word's kind: (o)ption, (u)nknown, (v)alue; operands are a dot."""
    options = unix_options(tool)
    assert options is not None
    return "".join("." if kind == "operand" else kind[0] for kind, _ in read_words(words, options))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("rm -rf a", "o."),
        ("rm -rj a", "u."),
        ("head -n5 f", "o."),
        ("head -n 5 f", "ov."),
        ("head -n -5 f", "ov."),
        ("head -5 f", "o."),
        ("head -20q f", "o."),
        ("tail -n+2 f", "o."),
        ("tail +5 f", ".."),
        ("grep -A3 -e -x f", "oov."),
        ("grep -- -x f", "o.."),
        ("grep - f", ".."),
        ("grep --color=auto x f", "o.."),
        ("grep --colou x f", "o.."),
        ("grep --include *.c x", "ov."),
        ("grep --inc=*.c x", "o."),
        ("grep --inc *.c x", "ov."),
        ("grep --frob x", "u."),
        ("sort -t, -k2,2nr f", "oo."),
        ("sed -i.bak -ne p f", "oov."),
        ("xargs -0n1 grep -Z", "o.."),
        ("xargs -I{} cp {} -x", "o..."),
        ("awk -F: prog -z", "o.."),
        ("ssh -p22 host ls -la", "o..."),
        ("tar xzf a.tgz -C d", "..ov"),
        ("tar -xzf a.tgz", "ov"),
        ("ps aux", "."),
        ("ps -eo pid", "ov"),
        ("chmod -x f", "o."),
        ("chmod -R u+x,-w f", "o.."),
        ("chmod -w,o+r f", "o."),
        ("seq -5 5", "o."),
        ("date -d@0 +%s", "o."),
        ("find . -name -x -o -size -5k", ".ovoov"),
        ("find . ! ( -name x ) -nme y", "...ov.u."),
        ("find . -exec", ".o"),
        ("ls -1", "o"),
        ("comm -12 a b", "o.."),
        ("kill", ""),
    ],
    ids=lambda value: value if " " in value else None,
)
def test_words_are_what_the_tool_takes_them_for(words: str, expected: str) -> None:
    tool, *rest = words.split()
    if tool != "kill":
        assert kinds(tool, *rest) == expected


def test_an_unknown_option_is_named_by_what_is_unknown() -> None:
    options = ToolOptions(known=frozenset({"-a", "--all"}))
    words = ["-ab", "--frob=x", "-a"]
    assert list(read_words(words, options)) == [("unknown", "-b"), ("unknown", "--frob"), ("option", "-a")]


def test_where_nobody_knows_the_options_all_count_as_known() -> None:
    options = ToolOptions(value=frozenset({"-o"}))
    read = list(read_words(["-xo", "out", "--what", "f"], options))
    assert [kind for kind, _ in read] == ["option", "value", "option", "operand"]


def test_what_only_a_run_can_tell_is_never_unknown() -> None:
    assert kinds("grep", DATA, f"-{DATA}", f"--{DATA}", f"-A{DATA}", f"--include={DATA}") == ".oooo"


def test_a_cluster_of_any_length_is_read_in_bounded_time() -> None:
    assert kinds("ls", *["-" + "l" * 65_536] * 256) == "o" * 256
