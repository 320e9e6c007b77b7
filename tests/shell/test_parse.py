"""Shell text to plans: what becomes which task, what is refused and why, and back again."""

from __future__ import annotations

import random
from typing import Any

import pytest

from agx.errors import PlanInvalid
from agx.plan.schema import MAX_ARGS, MAX_TASKS, Plan
from agx.shell.lexer import MAX_TEXT_CHARS
from agx.shell.parse import parse_shell, read_shell
from agx.shell.refusals import NotAPlan
from agx.shell.render import plan_shell

MEGABYTE = 1 << 20


def row(command: str, *args: Any, **fields: Any) -> dict[str, Any]:
    """Return what a model would write of one task."""
    return {"command": command, "args": list(args), **fields}


def tasks(text: str) -> list[dict[str, Any]]:
    return [task.written() for task in parse_shell(text).tasks]


READ = {
    "plain": ("ls -la /tmp", [row("ls", "-la", "/tmp")]),
    "pipeline": (
        "a x | sort | uniq -c",
        [row("a", "x"), row("sort", input_from_task=1), row("uniq", "-c", input_from_task=2)],
    ),
    "line after the pipe": ("a |\n  b", [row("a"), row("b", input_from_task=1)]),
    "quotes": ("echo 'a  b' \"c d\" e\\ f", [row("echo", "a  b", "c d", "e f")]),
    "empty": ("echo '' \"\"", [row("echo", "", "")]),
    "escaped semicolon": ("find . -exec rm {} \\;", [row("find", ".", "-exec", "rm", "{}", ";")]),
    "quoted semicolon": ("find . -exec rm {} ';'", [row("find", ".", "-exec", "rm", "{}", ";")]),
    "escaped parentheses": (
        "find . \\( -name a -o -name b \\) -print",
        [row("find", ".", "(", "-name", "a", "-o", "-name", "b", ")", "-print")],
    ),
    "ansi-c": ("printf $'a\\nb\\x41'", [row("printf", "a\nbA")]),
    "braces": ("mkdir -p {a,b}/c", [row("mkdir", "-p", "a/c", "b/c")]),
    "range": ("echo {1..3}", [row("echo", "1", "2", "3")]),
    "braces around quotes": ("echo {'a b',\"$C\"}x", [row("echo", "a bx", {"text": [{"env": "C"}, "x"]})]),
    "braces and a tilde": ("ls {~,.}/a", [row("ls", {"text": [{"env": "HOME"}, "/a"]}, "./a")]),
    "braces that give nothing": ("echo {,a}", [row("echo", "a")]),
    "find's braces": ("xargs -I {} mv {} x", [row("xargs", "-I", "{}", "mv", "{}", "x")]),
    "tilde": ("ls ~", [row("ls", {"env": "HOME"})]),
    "tilde path": ("ls ~/src", [row("ls", {"text": [{"env": "HOME"}, "/src"]})]),
    "tilde pattern": ("ls ~/*.c", [row("ls", {"text": [{"env": "HOME"}, {"glob": "/*.c"}]})]),
    "tilde inside": ("ls a~ '~bob' '~' ~*", [row("ls", "a~", "~bob", "~", {"glob": "~*"})]),
    "tilde behind a name": ("dd if=~/a", [row("dd", {"text": ["if=", {"env": "HOME"}, "/a"]})]),
    "glob": ("ls *.txt [ab]? x", [row("ls", {"glob": "*.txt"}, {"glob": "[ab]?"}, "x")]),
    "glob that leaves out": ("ls [^a]*", [row("ls", {"glob": "[^a]*"})]),
    "glob of dashes": ("rm -- -*", [row("rm", "--", {"glob": "./-*"})]),
    "option with a wildcard": ("dot -? --checks=*", [row("dot", "-?", "--checks=*")]),
    "address": ("curl http://a/b?c=[d]", [row("curl", "http://a/b?c=[d]")]),
    "glob quoted": ("ls '*.txt' \\*", [row("ls", "*.txt", "*")]),
    "glob part quoted": ("ls 'a b'*", [row("ls", {"glob": "a b*"})]),
    "glob with a quoted wildcard": ("ls '*'*", [row("ls", {"text": ["*", {"glob": "*"}]})]),
    "glob with a quoted set": ("ls [ab]'[c]'", [row("ls", {"text": [{"glob": "[ab]"}, "[c]"]})]),
    "carriage returns of lines": ("ls \\\r\n -l\r\n", [row("ls", "-l")]),
    "carriage return in quotes": ("rm 'a\rb'", [row("rm", "a\rb")]),
    "joiner between letters": ("ls \u0646\u200c\u0647", [row("ls", "\u0646\u200c\u0647")]),
    "comment in a substitution": (
        "cat $(ls -t *.log | head -n 1 # today's newest)\n)",
        [
            row("ls", "-t", {"glob": "*.log"}),
            row("head", "-n", "1", input_from_task=1),
            row("cat", {"task": 2, "split": True}),
        ],
    ),
    "no comment in quotes": ('cat "$(p " #b" )"', [row("p", " #b"), row("cat", {"task": 1})]),
    "glob with a variable": ("ls $D/*.c", [row("ls", {"text": [{"env": "D"}, {"glob": "/*.c"}]})]),
    "pattern of find": ("find . -name *.c", [row("find", ".", "-name", "*.c")]),
    "pattern of grep": ("grep a.* *.c", [row("grep", "a.*", {"glob": "*.c"})]),
    "pattern of include": ("grep -r --include=*.py x .", [row("grep", "-r", "--include=*.py", "x", ".")]),
    "pattern behind xargs": (
        "ls | xargs grep a*",
        [row("ls"), row("xargs", "grep", "a*", input_from_task=1)],
    ),
    "variable": ("echo $HOME ${USER}", [row("echo", {"env": "HOME"}, {"env": "USER"})]),
    "variable in quotes": ('echo "a $B c"', [row("echo", {"text": ["a ", {"env": "B"}, " c"]})]),
    "variable in single quotes": ("echo '$B'", [row("echo", "$B")]),
    "escaped dollar": ('echo "\\$B"', [row("echo", "$B")]),
    "substitution": ("kill $(pgrep x)", [row("pgrep", "x"), row("kill", {"task": 1, "split": True})]),
    "substitution quoted": ('echo "$(date)"', [row("date"), row("echo", {"task": 1})]),
    "substitution in text": ("echo a$(date)", [row("date"), row("echo", {"text": ["a", {"task": 1}]})]),
    "backquotes in quotes": ('echo "`a \\"b c\\"`"', [row("a", "b c"), row("echo", {"task": 1})]),
    "backquotes": ("echo `date`", [row("date"), row("echo", {"task": 1, "split": True})]),
    "substitution of a pipeline": (
        "echo $(a | b)",
        [row("a"), row("b", input_from_task=1), row("echo", {"task": 2, "split": True})],
    ),
    "nested substitution": (
        'basename "$(dirname "$(which ls)")"',
        [row("which", "ls"), row("dirname", {"task": 1}), row("basename", {"task": 2})],
    ),
    "substitution in a pipeline": (
        "a | b $(c)",
        [row("a"), row("c"), row("b", {"task": 2, "split": True}, input_from_task=1)],
    ),
    "errors dropped": ("find / 2>/dev/null | sort", [row("find", "/"), row("sort", input_from_task=1)]),
    "errors dropped, spaced": ("find / 2> /dev/null", [row("find", "/")]),
    "from nothing": ("sort < /dev/null", [row("sort")]),
    "from a file": ("sort < in.txt", [row("cat", "in.txt"), row("sort", input_from_task=1)]),
    "to a file": ("sort x > out.txt", [row("sort", "x", save_to="out.txt")]),
    "to a file at home": ("sort > ~/x", [row("sort", save_to="~/x")]),
    "to a folder named as home is": ("sort > '~/x'", [row("sort", save_to="./~/x")]),
    "to a file first": ("> 'a b' sort x", [row("sort", "x", save_to="a b")]),
    "to the end of a file": ("echo x >> log", [row("echo", "x", append_to="log")]),
    "clobber": ("sort 1>| out", [row("sort", save_to="out")]),
    "comment": ("ls # all of them", [row("ls")]),
    "trailing semicolon": ("ls ;\n", [row("ls")]),
    "path of a tool": ("/usr/bin/find .", [row("find", ".")]),
    "another path": ("./run.sh x", [row("./run.sh", "x")]),
    "name like an assignment": ("'A=1' x", [row("A=1", "x")]),
    "a test": ("[ -f x ]", [row("[", "-f", "x", "]")]),
    "quoted name": ("\\ls 'a'", [row("ls", "a")]),
    "wrapper": ("sudo -u bob ls *", [row("sudo", "-u", "bob", "ls", {"glob": "*"})]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), READ.values(), ids=READ)
def test_a_command_becomes_these_tasks(text: str, expected: list[dict[str, Any]]) -> None:
    assert tasks(text) == expected


REFUSED = {
    "": "empty command",
    " # nothing": "empty command",
    "| a": "empty command",
    "a |": "empty command",
    "a | | b": "empty command",
    "> x": "empty command",
    "echo 'a": "unclosed quote",
    'echo "a': "unclosed quote",
    "find . -exec ls {} \\": "unclosed quote",
    "echo `a": "unclosed quote",
    "echo $(a": "unclosed quote",
    "echo $'a": "unclosed quote",
    "echo ${a": "unclosed quote",
    "a; b": "several commands",
    "a && b": "several commands",
    "a || b": "several commands",
    "a & b": "background",
    "a &": "background",
    "a\nb": "several commands",
    "(a | b)": "subshell",
    "if a": "shell keyword",
    "for x in y": "shell keyword",
    "! a": "shell keyword",
    "{ a": "shell keyword",
    "A=1 ls": "assignment",
    "A=1": "assignment",
    "A=$(ls)": "assignment",
    "A+=1": "assignment",
    "A[0]=1": "assignment",
    "*.sh": "variable command",
    "~/bin/x": "variable command",
    "ls ~bob": "home folder",
    "ls ~bob/x": "home folder",
    "ls ~-": "home folder",
    "sort > ~bob/x": "home folder",
    "echo $[1 + 2]": "arithmetic",
    "echo $RANDOM $_": "special parameter",
    "kill $(a > x)": "redirection",
    "$EDITOR x": "variable command",
    "$(which ls) x": "variable command",
    "'' x": "variable command",
    "diff <(a) b": "process substitution",
    "tee >(a)": "process substitution",
    "echo $((1 + 2))": "arithmetic",
    "echo ${A:-b}": "parameter expansion",
    "echo ${#A}": "parameter expansion",
    "echo $1 $@": "special parameter",
    "echo $?": "special parameter",
    "a 2>&1": "error output",
    "a 2> errors": "error output",
    "a &> all": "error output",
    "a >& all": "error output",
    "a |& b": "error output",
    "a << END": "here-document",
    "a <<- END": "here-document",
    "a <<< word": "here-document",
    "a 3> b": "redirection",
    "a > x > y": "redirection",
    "a < x < y": "redirection",
    "a < *.txt": "redirection",
    "a > x{1,2}": "redirection",
    "a > ~": "redirection",
    "a ; ;": "several commands",
    "rm old\rkeep.txt": "unseen character",
    "ls\xa0-l": "unseen character",
    "rm a\u200bb": "unseen character",
    "cat \u202etxt.exe": "unseen character",
    "echo $\\\nHOME": "parameter expansion",
    "ls ~:a": "home folder",
    "ls a=x:~": "home folder",
    "ls ~1": "home folder",
    "ls x{1,2}=~": "home folder",
    "a > $X": "redirection",
    "a > *.txt": "redirection",
    "a >": "redirection",
    "a > | b": "redirection",
    "a | b < c": "redirection",
    "a > x | b": "redirection",
    "a >> x | b": "redirection",
    "echo {1..1000}": "braces",
    "printf $'a\\0b'": "control character",
    "echo \0": "control character",
    "echo \ud800": "control character",
    "echo $" + "A" * 129: "limits",
    "printf $'\\ud800'": "control character",
    "printf $'\\xff'": "control character",
    "a" * 129: "limits",
    "a" + " b" * (MAX_ARGS + 1): "limits",
    " | ".join("a" * (MAX_TASKS + 1)): "limits",
    "a " + "$(a " * 10 + ")" * 10: "nesting",
    "a " * MEGABYTE: "too long",
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.items(), ids=[repr(text)[:24] for text in REFUSED])
def test_what_is_no_plan_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(NotAPlan) as caught:
        parse_shell(text)
    assert caught.value.reason == reason
    assert isinstance(caught.value, PlanInvalid)
    assert caught.value.text == text
    assert caught.value.hint
    assert len(caught.value.message) < 300


PLACES = {
    "make && make install": "`&&` joins commands that no pipe connects (character 6: && make install)",
    "a\nb c\n": "a second command begins on a new line (line 2, character 1: b c)",
    "echo $(ls $(x; y))": "`;` joins commands that no pipe connects (character 14: ; y)))",
    "a |& b": "`|&` pipes error output as well (character 3: |& b)",
    "sleep 9 &": "`&` leaves a command running in the background (character 9: &)",
    "cat <<END\nx\nEND": "`<<` writes input into the command (line 1, character 5: <<END)",
    "diff <(a) b": "`<(…)` has no form in a plan (character 6: <(a) b)",
    "echo 'a b": "' is never closed (character 6: 'a b)",
    'echo "a b': '" is never closed (character 6: "a b)',
    "echo $(a": "$( is never closed (character 6: $(a)",
    "find . -name a | xargs -I {} mv $1 {}": "`$1` has no form in a plan (character 33: $1 {})",
    "a |": "a command is missing at a pipe or a redirection (character 3: |)",
    "'' x": "the command's name is empty (character 1: '' x)",
    "$A x": "the command's name is a variable or a substitution (character 1: $A x)",
    "a {0..128}": "`{0..128}` gives more than 128 words (character 3: {0..128})",
    "a\0b": "a NUL or half a character cannot be part of an argument (character 2: \0b)",
    "a \udc80": "a NUL or half a character cannot be part of an argument (character 3: \udc80)",
    "a" * 129: "the command's name has more than 128 characters",
    "a > " + "b" * 4097: "a path has more than 4096 characters",
    "a " + "b" * 65_537: "an argument has more than 65536 characters",
    "a " + "$B-" * 33: "an argument has more than 64 parts",
    " | ".join("a" * (MAX_TASKS + 1)): "the command makes more than 64 tasks",
    "": "there is no command",
}


@pytest.mark.parametrize(("text", "message"), PLACES.items(), ids=[repr(text)[:24] for text in PLACES])
def test_a_refusal_says_what_and_where(text: str, message: str) -> None:
    with pytest.raises(NotAPlan) as caught:
        parse_shell(text)
    assert caught.value.message == message


SAID = {
    "find . 2>/dev/null": ["`2>/dev/null` is left out: error output is never part of a task's output"],
    "/usr/bin/find .": ["`/usr/bin/find` is read as the tool find"],
    "ls $A $A a$(b)": [
        "`$A` is one argument; without quotes a shell splits it",
        "`$(…)` in a word is one argument; a shell splits it",
    ],
    "find . -name *.c": ["*.c goes to the tool as it is"],
    "dot -?": ["-? goes to the tool as it is"],
    "time a | b": ["it measures this task; a shell's own `time` measures the whole pipeline"],
    'time ls "$A" ~ *.c "$(b)" $(c) > x': [],
    "a | b $(c) | d": ["a shell lets `$(…)` behind a pipe read that pipe; in a plan it reads nothing"],
    "a | b $(c < /dev/null)": [],
    "a < x $(b)": [],
}


@pytest.mark.parametrize(("text", "said"), SAID.items(), ids=SAID)
def test_what_is_taken_otherwise_than_by_a_shell_is_said(text: str, said: list[str]) -> None:
    reading = read_shell(text)
    assert [finding.message for finding in reading.findings] == said
    assert {finding.severity for finding in reading.findings} <= {"advice"}
    assert all(finding.task in range(1, len(reading.plan.tasks) + 1) for finding in reading.findings)


HOSTILE = {
    "open substitutions": "$(" * (MEGABYTE // 2),
    "nested substitutions": "$(" * (MEGABYTE // 4) + "x" + ")" * (MEGABYTE // 4),
    "pipes": "a|" * 10**5 + "a",
    "bare pipes": "|" * MEGABYTE,
    "open quote": "'" + "a" * (MEGABYTE - 1),
    "open double quote": '"' * (MEGABYTE - 1),
    "backquotes": "`" * (MEGABYTE - 1),
    "one word": "a" * MEGABYTE,
    "escapes": "\\a" * (MEGABYTE // 2),
    "backslashes": "\\" * MEGABYTE,
    "pieces": "a'b'" * (MEGABYTE // 4),
    "variables": "$a" * (MEGABYTE // 2),
    "words": "a " * (MEGABYTE // 2),
    "braces": "echo " + "{a,b}" * 10**5,
    "single braces": "echo " + "{1..1}" * 10**5,
    "nested braces": "echo " + "{," * 10**5 + "}" * 10**5,
    "open brace": "echo {" + "a," * 10**5,
    "ranges": "echo " + "{1..128} " * 10**5,
    "long number": "echo {" + "9" * 5000 + "..1} " + "|",
    "long descriptor": "9" * (MEGABYTE - 1) + ">",
    "redirections": "a " + "> b " * 10**5,
    "parentheses": "(" * MEGABYTE,
    "newlines": "\n" * MEGABYTE,
    "ansi-c": "echo $'" + "\\x41" * 10**5 + "'",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_ends_quickly_as_no_plan(text: str) -> None:
    assert len(text) <= MAX_TEXT_CHARS
    with pytest.raises(NotAPlan):
        parse_shell(text)


def test_the_instruction_is_the_text_unless_one_is_given() -> None:
    assert parse_shell("ls -l").instruction == "ls -l"
    assert parse_shell("ls -l", instruction="list files").instruction == "list files"


def in_every_shell(plan: Plan) -> list[dict[str, Any]]:
    """Return the tasks as shell text has them: the pattern `[^a]` is bash's, and is written `[!a]`."""

    def written(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: one.replace("[^", "[!") if key == "glob" else written(one) for key, one in value.items()
            }
        return [written(one) for one in value] if isinstance(value, list) else value

    return [written(task.written()) for task in plan.tasks]


@pytest.mark.parametrize("text", [text for text, _ in READ.values()], ids=READ)
def test_a_plan_written_as_shell_text_reads_as_the_same_plan(text: str) -> None:
    first = parse_shell(text)
    assert tasks(plan_shell(first)) == in_every_shell(first)


MARKS = (
    *("a", "b c", "-", "--", "*", "?", "[", "]", "[^a]", "[!b]", "~", "~/", "/", "=", "{", "}", ",", ".."),
    *("'", '"', "\\", "$", "$A", "${B}", "$(c", "`", ")", "|", " | ", ">", ">> d", "<", "\n", " ", "  ", "#"),
    *("$'", "\\n", "!", "://", "2>/dev/null", "\\'", "'x y'", '"z $C"', "$(d e)", '"`f`"', "é", "1"),
)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_read_is_written_so_that_it_reads_the_same(seed: int) -> None:
    """Of random texts those that are plans; the others are refused, and nothing else happens."""
    rng = random.Random(seed)
    num_plans = 0
    for _ in range(2000):
        text = "a " + "".join(rng.choices(MARKS, k=rng.randrange(1, 12)))
        try:
            plan = parse_shell(text)
        except NotAPlan:
            continue
        num_plans += 1
        assert tasks(plan_shell(plan)) == in_every_shell(plan), text
    assert num_plans > 200


@pytest.mark.parametrize(
    "text", ["# risk: task 1 reads\nls -l", "# risk: task 1 reads\n# 2\n\nls -l # all\n", "#!/bin/sh\nls -l"]
)
def test_comments_are_no_part_of_a_plan(text: str) -> None:
    """The marks of risk in particular, which every written plan begins with."""
    assert tasks(text) == [row("ls", "-l")]
