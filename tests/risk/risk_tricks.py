"""Known ways to do harm with ordinary commands, as patterns from which tests make task lists.

The patterns stand in `tests/data/risk_alone.txt` and `risk_together.txt`, one a line with the risks that
its task must carry. A pattern is shell text, `<a|b>` a choice in it, `&bar;` and `&gt;` a `|` and a `>`;
`@glob`, `@task`, `@split` and `@env` stand for typed values, FILE and the like for choices below.
"""

from __future__ import annotations

import random
import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple

DATA = Path(__file__).parents[1] / "data"
CHOICE = re.compile(r"<([^<>]*)>")
FILE = "<a.txt|notes|./b-c|src/x.py>"
DIRECTORY = "<.|src|/var/log|/home/ann/x>"
DEVICE = "<sda|sdb1|nvme0n1|mmcblk0|disk2>"
SCRIPT = "<rm -rf x|rm -f a b|find . -delete|shred f|unlink f|ls; rm f|true &amp;&amp; rmdir d>"


class Trick(NamedTuple):
    """One known trick: the risks its task must have, and its shell text with choices."""

    risks: str
    text: str


def _tricks(file: str) -> dict[str, Trick]:
    """Read lines `name: risks: text`."""
    tricks = {}
    for line in (DATA / file).read_text(encoding="utf-8").splitlines():
        name, risks, text = line.split(": ", 2)
        for place, choices in (("FILE", FILE), ("DIR", DIRECTORY), ("DEVICE", DEVICE), ("SCRIPT", SCRIPT)):
            text = re.sub(rf"\b{place}\b", lambda _, it=choices: it, text)  # type: ignore[misc]
        assert name not in tricks, name
        tricks[name] = Trick(risks, text)
    return tricks


ALONE = _tricks("risk_alone.txt")


class Made(NamedTuple):
    """A task list made of a trick: rows as a model writes them, and which task has which risks."""

    trick: str
    rows: list[dict[str, Any]]
    task: int
    risks: frozenset[str]


HARMLESS = ["ls -la", "cat a.txt", "sort", "wc -l", "head -n 5", "grep -v rm", "echo done", "uniq -c"]
WRAPPERS = [
    "sudo", "sudo -u bob", "env A=b", "env -u A", "nice -n 5", "ionice -c 3", "timeout 5", "timeout -k 1 2m",
    "nohup", "stdbuf -oL", "time -p", "setsid", "command", "xargs -0", "xargs -n 1", "find . -exec", "sh -c",
    "watch -n 2", "busybox",
]  # fmt: skip
TYPED: dict[str, Any] = {
    "@glob": {"glob": "*"},
    "@task": {"task": 1},
    "@split": {"task": 1, "split": True},
    "@env": {"env": "ANY"},
    "@text": {"text": ["-del", "ete"]},
    "@dash": {"glob": "[-]delete"},
    "@nodash": {"glob": "[!a]utput*"},
    "@ending": {"glob": "*delete"},
    "@names": {"glob": "-*"},
    "@name": {"text": [{"env": "ANY"}, "=./x"]},
    "@joined": {"text": ["-o", {"env": "ANY"}]},
}


TOGETHER = _tricks("risk_together.txt")
PASSING = ["cat", "tee copy.txt", "base64 -d", "gunzip -c", "head -n 100", "sed p"]


def make(name: str, rng: random.Random) -> Made:
    """Make a task list of a trick, with a wrapper, typed values, and harmless tasks around it."""
    trick = ALONE[name]
    words: list[Any] = [TYPED.get(word, word) for word in shlex.split(_chosen(trick.text, rng))]
    words = _wrapped(words, rng) if rng.random() < 0.5 else words
    command, *args = words
    row: dict[str, Any] = {"command": command, "args": [_typed(word, rng) for word in args]}
    before = [_harmless(rng) for _ in range(rng.randint(1, 2))]
    after = [_harmless(rng) for _ in range(rng.randint(0, 2))]
    rows = [*before, row, *after]
    for number, one in enumerate(rows[1:], start=1):
        one["input_from_task"] = number
    return Made(name, rows, len(before) + 1, frozenset(trick.risks.split()))


def make_together(name: str, rng: random.Random) -> Made:
    """Make a task list in which several tasks do harm together, the last of them marked."""
    trick = TOGETHER[name]
    rows = [_harmless(rng) for _ in range(rng.randint(0, 2))]
    is_piped = False
    for part in re.split(r" (&bar;|;) ", _chosen(trick.text, rng, keep="&bar;")):
        if part in ("&bar;", ";"):
            is_piped = part == "&bar;"
            if is_piped and name.startswith("curl") and rng.random() < 0.5:
                rows.append(_row(rng.choice(PASSING), rows, is_piped=True))
        else:
            rows.append(_row(part.replace("&bar;", "|"), rows, is_piped=is_piped))
    return Made(name, rows, len(rows), frozenset(trick.risks.split()))


def _row(text: str, rows: list[dict[str, Any]], *, is_piped: bool) -> dict[str, Any]:
    """Make the next row of `command args > file`; `@last` is the output of the row before."""
    match = re.fullmatch(r"(.*?)(?: (>>?) (\S+))?", text, re.DOTALL)
    assert match is not None
    command, *args = shlex.split(match[1])
    row: dict[str, Any] = {"command": command}
    row["args"] = [{"task": len(rows)} if word == "@last" else word for word in args]
    if match[2]:
        row["append_to" if match[2] == ">>" else "save_to"] = match[3]
    if is_piped:
        row["input_from_task"] = len(rows)
    return row


def _chosen(text: str, rng: random.Random, *, keep: str = "") -> str:
    """Make every choice of a pattern, from the inside out."""
    while CHOICE.search(text):
        text = CHOICE.sub(lambda found: rng.choice(found[1].split("|")), text)
    for written, char in (("&gt;", ">"), ("&bar;", "|"), ("&amp;", "&"), ("&nl;", "\n")):
        text = text if written == keep else text.replace(written, char)
    return text


def _wrapped(words: list[Any], rng: random.Random) -> list[Any]:
    """Let another command run this one, where that is possible with these words."""
    wrapper = rng.choice(WRAPPERS)
    if wrapper == "sh -c":
        if not all(isinstance(word, str) for word in words):
            return words
        return ["sh", "-c", shlex.join(words)]
    if wrapper == "watch -n 2":
        return [*wrapper.split(), "-x", *words]
    if wrapper == "find . -exec":
        return words if ";" in words or "+" in words else [*wrapper.split(), *words, ";"]
    return [*wrapper.split(), *words]


def _typed(word: Any, rng: random.Random) -> Any:
    """Write some words as typed values that give the same text."""
    if isinstance(word, str) and len(word) > 1 and rng.random() < 0.1:
        cut = rng.randint(1, len(word) - 1)
        return {"text": [word[:cut], word[cut:]]}
    return word


def _harmless(rng: random.Random) -> dict[str, Any]:
    return _row(rng.choice(HARMLESS), [], is_piped=False)
