"""Reads the public data: NL2Bash, tldr and cheats, and the hand-written requests.

Placeholders of tldr (`{{path/to/file}}`, `{{[-n|--lines]}}`) and cheats (`<file>`) are filled with
concrete names, and the instruction is made to mention them, so that a model can copy them.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from scripts.planner.sequences import Row


@dataclass(frozen=True, slots=True)
class Pair:
    """One instruction with one shell command, and where it comes from."""

    nl: str
    cmd: str
    source: str


def read_lines(path: Path) -> Iterator[Row]:
    """Yield the objects of a JSON-lines file."""
    with path.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file if line.strip())


def nl2bash(folder: Path) -> Iterator[Pair]:
    """Yield the pairs of the NL2Bash corpus."""
    for row in read_lines(folder / "train.jsonl"):
        yield Pair(row["nl"].strip(), row["cmd"].strip(), "nl2bash")


def tldr(folder: Path) -> Iterator[Pair]:
    """Yield the filled examples of tldr-pages for Linux and every platform."""
    per_command: Counter[str] = Counter()
    for row in read_lines(folder / "examples.jsonl"):
        command = row["cmd"].split(maxsplit=1)[0]
        per_command[command] += 1
        if row["platform"] in ("common", "linux") and per_command[command] <= _MOST_PER_COMMAND:
            rng = random.Random(f"{row['page']}\n{row['cmd']}")
            nl = re.sub(r"\[(\w{1,3})\]", r"\1", row["nl"]).strip().rstrip(":.")
            cmd = row["cmd"].replace(r"\{\{", "{").replace(r"\}\}", "}")
            yield Pair(*fill(nl, cmd, rng), "tldr")


def about(folder: Path, descriptions: Mapping[str, str]) -> Iterator[Pair]:
    """Yield what a command is for → the command alone, for commands that tldr shows without arguments.

    `descriptions` are further sentences, by command.
    """
    rows = [row for row in read_lines(folder / "examples.jsonl") if row["platform"] in {"common", "linux"}]
    bare = {row["page"] for row in rows if row["cmd"] == row["page"]}
    sentences = {(row["page"], row["about"].partition(". ")[0].rstrip(".")) for row in rows}
    sentences |= set(descriptions.items())
    yield from (Pair(sentence, page, "about") for page, sentence in sorted(sentences) if page in bare)


def cheats(folder: Path) -> Iterator[Pair]:
    """Yield the filled one-liners of the cheat sheets."""
    for row in read_lines(folder / "examples.jsonl"):
        rng = random.Random(f"{row['page']}\n{row['cmd']}")
        cmd = re.sub(r"<([\w][\w ./:-]*)>", r"{{\1}}", row["cmd"])
        yield Pair(*fill(row["nl"].strip().rstrip(":."), cmd, rng), "cheats")


def written(path: Path) -> Iterator[Pair]:
    """Yield the hand-written requests of one file; of several references the first is taught."""
    for row in read_lines(path):
        yield Pair(row["instruction"], row["reference"][0], path.stem)


_MOST_PER_COMMAND = 60  # docker, npm, cargo and their like would crowd out the everyday tools
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}")
_CHOICE = re.compile(r"\[([^|\]]+)\|([^\]]+)\]")
_FILES = (
    "report", "notes", "data", "log", "index", "main", "config", "users", "todo", "summary", "results",
    "draft", "test", "input", "archive", "photo",
)  # fmt: skip
_FOLDERS = (
    "src", "docs", "backup", "build", "images", "project", "music", "logs", "downloads", "work", "www",
    "photos", "tests", "assets", "lib",
)  # fmt: skip
_USERS = (
    "alice", "bob", "carol", "dave", "erin", "frank", "www-data", "jenkins", "deploy", "root",
)  # fmt: skip
_HOSTS = (
    "example.com", "server1", "192.168.1.10", "db.local", "github.com", "10.0.0.5", "web01",
    "host.example.org",
)  # fmt: skip
_WORDS = (
    "error", "warning", "foo", "bar", "hello", "TODO", "main", "test", "debug", "pattern", "apple", "color",
    "name",
)  # fmt: skip
_EXTENSIONS = (
    "txt", "csv", "log", "md", "json", "py", "html", "xml",
)  # fmt: skip


_KINDS = {
    "file": r"file|\.\w{2,4}$|archive|output$|input$|script$",
    "folder": r"director|folder|\bdir\b|^path$|path/to",
    "user": r"user",
    "host": r"host|domain|server|address|\bip\b",
    "url": r"url|https?:",
    "number": r"^-?\d+$|count|number|seconds|minutes|^n$|port|pid|lines|size|depth|level",
    "word": r"pattern|string|text|word|search|regex|expression|name|package|command|branch|commit|group",
}


def _kind(text: str) -> str | None:
    lowered = text.lower()
    return next((kind for kind, pattern in _KINDS.items() if re.search(pattern, lowered)), None)


def _value(kind: str, text: str, rng: random.Random) -> str:
    if kind == "file":
        match = re.search(r"\.(tar\.\w+|\w{2,4})$", text)
        return f"{rng.choice(_FILES)}.{match[1] if match else rng.choice(_EXTENSIONS)}"
    if kind == "number":
        return text if text.lstrip("-").isdigit() else str(rng.choice([1, 2, 3, 5, 8, 10, 20, 50, 100]))
    if kind == "url":
        return f"https://{rng.choice(_HOSTS)}/{rng.choice(_FILES)}.{rng.choice(_EXTENSIONS)}"
    pools = {"folder": _FOLDERS, "user": _USERS, "host": _HOSTS, "word": _WORDS}
    return rng.choice(pools[kind])


_NOUNS = {
    "file": r"files?|archives?|scripts?|documents?",
    "folder": r"director(?:y|ies)|folders?|path",
    "user": r"users?",
    "host": r"hosts?|servers?|domains?|machine|ip address",
    "url": r"urls?",
    "number": r"number of \w+|number|count|seconds|port|pid",
    "word": r"patterns?|strings?|text|words?|names?|packages?|commands?|branch|group|regular expression",
}


def fill(nl: str, cmd: str, rng: random.Random) -> tuple[str, str]:
    """Fill the placeholders of a command; the instruction mentions each value where it names one."""
    seen: dict[str, str] = {}

    def one(match: re.Match[str]) -> str:
        nonlocal nl
        inner = match[1]
        if choice := _CHOICE.fullmatch(inner):
            return choice[1] if choice[1].startswith("-") else choice[2]
        if "|" in inner:
            inner = inner.split("|")[0]
        values = []
        for text in inner.removesuffix("...").split():
            if text not in seen:
                kind = _kind(text)
                seen[text] = text if kind is None else _value(kind, text, rng)
                nl = nl if kind is None else _mention(nl, kind, seen[text])
            values.append(seen[text])
        return " ".join(values[:3])

    filled = _PLACEHOLDER.sub(one, cmd)
    return nl, filled


def _mention(nl: str, kind: str, value: str) -> str:
    """Put the value behind the noun that stands for it, or at the end."""
    article = r"\b(?:an?|the|one|specific|given|specified) (?:(?:\w+|\[\w+\]) )?"
    match = re.search(rf"{article}({_NOUNS[kind]})\b", nl, re.IGNORECASE)
    if match and value not in nl:
        return f"{nl[: match.end()]} {value}{nl[match.end() :]}"
    return nl if value in nl else f"{nl} {value}"
