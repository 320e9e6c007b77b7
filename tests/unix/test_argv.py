"""Reading argument vectors: options, values and operands, as getopt would."""

from __future__ import annotations

import pytest

from agx.plan.tools import ToolOptions
from agx.unix.argv import Argv
from agx.unix.argv_reader import read_argv
from agx.unix.calls import DATA
from agx.unix.command_specs import spec_of
from agx.unix.options import spec_of_options


def argv_of(tool: str, *words: str) -> Argv:
    spec = spec_of(tool)
    assert spec is not None
    return read_argv(words, spec)


def kinds(tool: str, *words: str) -> str:
    """Return the first letter of each word's kind: (o)ption, (u)nknown, (v)alue …; operands are a dot."""
    found = argv_of(tool, *words).words
    return "".join("." if word.kind == "operand" else word.kind[0] for word in found)


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
        ("xargs -0n1 grep -Z", "occ"),
        ("xargs -I{} cp {} -x", "occc"),
        ("awk -F: prog -z", "o.."),
        ("ssh -p22 host ls -la", "o..."),
        ("tar xzf a.tgz -C d", "ovov"),
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
        ("find . -exec rm -f {} ; -name x", ".occcoov"),
        ("find . -exec rm {} + -print", ".occoo"),
        ("fd -e c -x rm -f {}", "ovoccc"),
        ("env - A=b -u x grep -q y", "ssovccc"),
        ("env -- A=b grep -q y", "osccc"),
        ("timeout -k 1 5 rm -f x", "ov.ccc"),
        ("parallel -j 4 rm -f ::: a -b", "ovcc..."),
        ("sh -c text a", "ov."),
        ("bash -lc text", "ov"),
        ("bash -c -e text", "oo."),
        ("perl -lne code f", "ov."),
        ("perl -l012 -0777pe code f", "oov."),
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
    found = read_argv(["-ab", "--frob=x", "-a"], spec_of_options("own", options)).words
    assert [(word.kind, word.option) for word in found] == [
        ("unknown", "-b"),
        ("unknown", "--frob"),
        ("option", "-a"),
    ]


def test_where_nobody_knows_the_options_all_count_as_known() -> None:
    options = ToolOptions(value=frozenset({"-o"}))
    found = read_argv(["-xo", "out", "--what", "f"], spec_of_options("own", options)).words
    assert [word.kind for word in found] == ["option", "value", "option", "operand"]


def test_what_only_a_run_can_tell_is_never_unknown() -> None:
    assert kinds("grep", DATA, f"-{DATA}", f"--{DATA}", f"-A{DATA}", f"--include={DATA}") == ".oooo"


def test_a_cluster_of_any_length_is_read_in_bounded_time() -> None:
    assert kinds("ls", *["-" + "l" * 65_536] * 256) == "o" * 256


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
    argv = argv_of(name, *words)
    assert [(option.name, option.value) for option in argv.options] == options
    assert [*argv.operands] == operands


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
    assert argv_of("sort", *words.split()).may_hide_option is expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [("\0", True), ("-\0", True), ("--out\0", True), ("--output=\0", False), ("-o\0", False), ("./\0", False),
     ("-" + "u" * 100, True)],
)  # fmt: skip
def test_a_word_that_may_be_any_option_is_noticed(word: str, *, expected: bool) -> None:
    assert argv_of("sort", word).may_hide_option is expected
