"""The risk of tasks, and of look-alikes that are harmless."""

from __future__ import annotations

from typing import Any

import pytest

from agx.plan.risk import assess, with_risk
from agx.plan.risk_scripts import MAX_SCRIPT_CHARS, awk_risks, sed_risks
from agx.plan.shell import parse_shell
from agx.plan.tools import unix_registry
from tests.plan.helpers import function_registry, plan_of, task

UNIX = unix_registry()


def risks(text: str) -> set[str]:
    """Give the risk of a whole pipeline."""
    return {risk for found in with_risk(parse_shell(text), UNIX).tasks for risk in found.risk}


DANGEROUS = {
    "ls": {"reads"},
    "mkdir a": {"writes"},
    "rm -rf a": {"destructive"},
    "/bin/rm a": {"destructive"},
    "find . -delete": {"reads", "destructive"},
    "find . -exec rm {} \\;": {"reads", "destructive"},
    "find . -execdir rm {} +": {"reads", "destructive"},
    "find . -exec ls {} \\; -exec /usr/bin/rm {} \\;": {"reads", "destructive"},
    "find . -exec sh -c 'ls' \\;": {"reads", "runs_code"},
    "find . -exec ./mine {} \\;": {"reads", "runs_code"},
    "find . -exec ./ls {} \\;": {"reads", "runs_code"},
    "find . -fprint0 a": {"reads", "writes"},
    "find . | xargs rm": {"reads", "destructive"},
    "find . | xargs -0 -n 1 rm -f": {"reads", "destructive"},
    "find . | xargs --max-args 1 rm": {"reads", "destructive"},
    "find . | xargs -I {} mv {} b": {"reads", "writes"},
    "xargs frobnicate": {"reads", "runs_code"},
    "xargs $CMD": {"reads", "runs_code"},
    "sudo ls": {"reads", "privilege"},
    "sudo -u bob rm a": {"privilege", "destructive"},
    "sudo A=b rm a": {"privilege", "destructive"},
    "sudo env nice -n 5 timeout 3 rm a": {"reads", "privilege", "destructive"},
    "env -u A B=c rm a": {"reads", "destructive"},
    "env -S 'rm a'": {"reads", "runs_code"},
    "nice -n 5 rm a": {"reads", "destructive"},
    "nohup rm a": {"reads", "destructive"},
    "timeout 5s rm a": {"reads", "destructive"},
    "timeout -k 5 10 rm a": {"reads", "destructive"},
    "timeout --signal KILL 10 rm a": {"reads", "destructive"},
    "stdbuf -o L rm a": {"reads", "destructive"},
    "watch 'rm a'": {"reads", "runs_code"},
    "strace rm a": {"reads", "destructive"},
    "sh -c 'ls'": {"runs_code"},
    "bash x.sh": {"runs_code"},
    "python3 -c 'pass'": {"runs_code"},
    "sed -i s/a/b/ f": {"reads", "writes"},
    "sed -i.bak s/a/b/ f": {"reads", "writes"},
    "sed -ni p f": {"reads", "writes"},
    "sed --in-place=.bak s/a/b/ f": {"reads", "writes"},
    "sed --in-p s/a/b/ f": {"reads", "writes"},
    "sed 's/a/b/w out' f": {"reads", "writes"},
    "sed 's/a/ls/e' f": {"reads", "runs_code"},
    "sed -n -e 1p -e '2e ls' f": {"reads", "runs_code"},
    "perl -pi -e s/a/b/ f": {"runs_code", "writes"},
    "awk 'BEGIN { system(\"ls\") }'": {"reads", "runs_code"},
    "awk '{ print > \"out\" }' f": {"reads", "writes"},
    "sort -uo out f": {"reads", "writes"},
    "curl example.com": {"network"},
    "curl -sLO example.com/a": {"network", "writes"},
    "wget example.com": {"network", "writes"},
    "ls > out": {"reads", "writes"},
    "ls >> out": {"reads", "writes"},
    "ls > /dev/sda": {"reads", "writes", "destructive"},
    "ls > /dev/null": {"reads", "writes"},
    "dd if=a of=/dev/sda": {"writes", "destructive"},
    "cp /dev/null f": {"writes", "destructive"},
    "git -C dir clean -f": {"reads", "destructive"},
    "git push": {"reads", "network"},
    "rsync -av --delete a b": {"writes", "destructive"},
    "tar --to-command=x -xf a": {"writes", "runs_code"},
    "frobnicate": {"runs_code"},
}


@pytest.mark.parametrize(("text", "expected"), DANGEROUS.items(), ids=DANGEROUS)
def test_tool_and_arguments_give_the_risk(text: str, expected: set[str]) -> None:
    assert risks(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "echo 'rm -rf /'",
        "echo rm -rf /",
        "grep -r delete .",
        "grep -- -delete f",
        "find . -name 'rm*'",
        "find . -name rm -print",
        "ls -i",
        "sed -n s/delete/rm/p f",
        "sed s/i/w/ f",
        "sed 's/the/we/g; s/a/b/' f",
        "sed '/we/d' f",
        "sed -e 's|/|e|' f",
        "awk '/a|b/ { print $1 }' f",
        "awk '$1 > 5 || $2 { print \"<b> | \" $1 }' f",
        "cat sudo",
        "xargs echo rm",
        "man rm",
        "which sudo",
        "date +%s",
        "sort -k 2 f",
        "git log",
        "ls 2>/dev/null",
    ],
)
def test_harmless_look_alikes_only_read(text: str) -> None:
    assert risks(text) == {"reads"}


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([{"text": ["-delete"]}], "destructive"),
        ([{"text": ["-del", "ete"]}], "destructive"),
        (["-exec", {"text": ["r", "m"]}, "{}", ";"], "destructive"),
        (["-exec", {"env": "CMD"}, "{}", ";"], "runs_code"),
        (["-exec", {"glob": "*"}, "{}", ";"], "runs_code"),
        (["-exec"], "runs_code"),
    ],
)
def test_typed_values_hide_nothing(args: list[Any], expected: str) -> None:
    assert expected in assess(task("find", ".", *args), UNIX)


def test_endless_wrapping_is_not_followed_for_ever() -> None:
    assert "runs_code" in assess(task("sudo", *["sudo"] * 200, "ls"), UNIX)


def test_a_function_has_the_risk_of_its_registry() -> None:
    assert assess(task("get_weather", arguments={"city": "rm"}), function_registry()) == ("network",)


def test_risk_is_computed_anew_and_in_a_fixed_order() -> None:
    plan = plan_of({"command": "sudo", "args": ["curl", "-O", "x"], "risk": ["reads"]})
    assert with_risk(plan, UNIX).tasks[0].risk == ("writes", "network", "privilege")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("s/a/b/", []),
        ("s/a/b/ge", ["runs_code"]),
        ("s,a,b,w f", ["writes"]),
        ("s/a\\/b/e/", []),
        ("y/we/ab/", []),
        ("1e ls", ["runs_code"]),
        ("$!{/x/w out\n}", ["writes"]),
        ("a\\\nwe", []),
        ("b end; e ls", ["runs_code"]),
        ("/e/p", []),
        ("s/a/b/;s/c/d/e", ["runs_code"]),
        ("s", []),
        ("s/a", []),
        ("", []),
        ("p" * (MAX_SCRIPT_CHARS + 1), ["runs_code"]),
    ],
    ids=lambda value: str(value)[:20],
)
def test_sed_scripts(script: str, expected: list[str]) -> None:
    assert list(sed_risks(script)) == expected


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("{print}", []),
        ('{print | "sort"}', ["runs_code"]),
        ('"date" | getline d', ["runs_code"]),
        ('BEGIN { system ("a") }', ["runs_code"]),
        ('{printf "%s", $1 >> "f"}', ["writes"]),
        ('{print "a > b | c"}', []),
        ("$1 > 2 {print; n++} n > 3", []),
    ],
)
def test_awk_programs(program: str, expected: list[str]) -> None:
    assert list(awk_risks(program)) == expected
