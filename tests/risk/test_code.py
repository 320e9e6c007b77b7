"""What sed and awk scripts, SQL, editors' commands and other code may do."""

from __future__ import annotations

import pytest

from agx.risk.code import code_effects
from agx.risk.effect_types import Code, Effect, Writes
from agx.unix.command_specs import Language
from agx.unix.runs import Shell


def effects(text: str, language: Language = "") -> list[Effect]:
    return list(code_effects(Code(text, language)))


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("s/a/b/", []),
        ("s/a/b/ge", ["runs_code"]),
        ("s,a,b,w f", [Writes("f")]),
        ("s,a,b,gw f\np", [Writes("f")]),
        ("s/a\\/b/e/", []),
        ("y/we/ab/", []),
        ("1e ls", ["runs_code", Shell("ls")]),
        ("e", ["runs_code", Shell("")]),
        ("$!{/x/w out\n}", [Writes("out")]),
        ("\\cxcw out", [Writes("out")]),
        ("a\\\nwe", []),
        ("i we go", []),
        ("r e", []),
        ("b end; e ls", ["runs_code", Shell("ls")]),
        ("/e/p", []),
        ("#n\np", []),
        ("#n\ne", ["runs_code", Shell("")]),
        ("s/a/b/;s/c/d/e", ["runs_code"]),
        ("s/[/]x/y/w f", [Writes("f")]),
        ("s/a/b/q", ["writes", "runs_code"]),
        ("s/[^/]*$//", []),
        ("s", []),
        ("s/a", []),
        ("", []),
        ("s/a/\0/", ["runs_code"]),
        (":a e ls", ["runs_code", Shell("ls")]),
        ("b x e ls", ["runs_code", Shell("ls")]),
        (":a;N;$!ba;s/\\n/ /", []),
        ("/[/]/w f", [Writes("f")]),
        ("/[/]/e ls\n/y/p", ["runs_code", Shell("ls")]),
        ("s/[/]/gp;y/;e ls x//", ["runs_code", Shell("ls x//")]),
        ("s/[^]/]/we/;p", []),
        ("s/[[:alpha:]]/b/", []),
        ("s/\\[/b/", []),
        ("s/[a\\]/b/", []),
        ("j", ["writes", "runs_code"]),
    ],
)
def test_sed_scripts(script: str, expected: list[Effect]) -> None:
    assert effects(script, "sed") == expected


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("{print}", []),
        ('{print | "sort"}', ["runs_code", Shell("sort")]),
        ('{print $1 || $2 | "sh"}', ["runs_code", Shell("sh")]),
        ('"date" | getline d', ["runs_code", Shell("date")]),
        ("{getline x < FILENAME}", []),
        ('BEGIN { system ("a") }', ["runs_code", Shell("a")]),
        ('/"/ {system("a")} /"/', ["runs_code", Shell("a")]),
        ('BEGIN {f = "a"; @f("b")}', ["runs_code", Shell("a"), Shell("b")]),
        ('{printf "%s", $1 >> "f"}', [Writes("f")]),
        ('{print > $1 ".txt"}', ["writes"]),
        ('{print > "a" $1}', ["writes"]),
        ('{print "a" > "/dev/stderr"}', [Writes("/dev/stderr")]),
        ('{print "a > b | c"}', []),
        ("{print ($1 > 2)}", []),
        ("{print $1 / 2 > 3}", ["writes"]),
        ("/a>b|c/ {print}", []),
        ("{print (a + b) / 2} $1 > 2", ["writes"]),
        ("{print (a + b) / 2} $1 < 2", []),
        ('{n = m++ / 1; print | "sh"; n = 2 / 1}', ["runs_code", Shell("sh")]),
        ('{if (1) /"/; print "rm x" | "sh"}', ["runs_code", Shell("/; print "), Shell(" | ")]),
        ("{print} # > x | y", []),
        ("$1 > 2 {print; n++} n > 3", []),
        ('BEGIN {"/inet/tcp/0/h/1" |& getline}', ["runs_code", Shell("/inet/tcp/0/h/1"), "network"]),
        ("{print \0}", ["runs_code"]),
        ('{if (0) exit /"/; print | "sh"}', ["runs_code", Shell("sh")]),
        ('/[[:alpha:]/"]/ {print | "sh"}', ["runs_code", Shell("sh")]),
        ('/[\\]/"]/ {print | "sh"}', ["runs_code", Shell("sh")]),
        ('/["' + "a" * 500 + ']/ {print | "sh"}', ["runs_code", Shell("a" * 500 + "]/ {print | ")]),
        ('{if (1) /#/; f = "a"; @f("b")}', ["runs_code"]),
        ('{"date" |\\\n getline d}', ["runs_code", Shell("date")]),
        ('/[0-9]/ {print "a"}', []),
    ],
)
def test_awk_programs(program: str, expected: list[Effect]) -> None:
    assert effects(program, "awk") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1", []),
        ("insert into a values (1)", ["writes"]),
        ("DROP TABLE a", ["destructive"]),
        ("\\! rm x", ["runs_code"]),
        (".shell rm x", ["runs_code"]),
        ("copy a to program 'x'", ["writes", "runs_code"]),
    ],
)
def test_sql(text: str, expected: list[Effect]) -> None:
    assert effects(text, "sql") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10", []),
        ("/pattern", []),
        ("set nu", []),
        ("wq", ["writes"]),
        (":!rm x", ["writes", "runs_code", Shell("rm x")]),
        ("set nu|!rm x", ["writes", "runs_code", Shell("rm x")]),
        ("/a/|!rm x", ["writes", "runs_code", Shell("rm x")]),
        ("set shell=./x", ["writes"]),
    ],
)
def test_commands_of_editors(text: str, expected: list[Effect]) -> None:
    assert effects(text, "editor") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("print(1)", ["runs_code"]),
        ("os.remove(x)", ["runs_code", "destructive"]),
        ("os.system('rm x')", ["runs_code", Shell("rm x")]),
        ("`rm x`", ["runs_code", Shell("rm x")]),
    ],
)
def test_other_code(text: str, expected: list[Effect]) -> None:
    assert effects(text) == expected


@pytest.mark.parametrize("language", ["", "sed", "awk", "sql", "editor"])
@pytest.mark.parametrize("part", ["/[", "print ", '"', "(", "s", "\\", "\\xa", "'", "`", "a;", "{", "e "])
def test_long_programs_are_read_to_their_end(language: Language, part: str) -> None:
    assert isinstance(effects(part * (16_000 // len(part)), language), list)
