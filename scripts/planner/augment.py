"""Augmentation: literals that instruction and plan share are renamed in both, afresh at each use.

This is what teaches a small model to copy names, numbers and paths out of the instruction.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from agx.unix.registry import unix_registry

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Mapping

    from scripts.planner.sequences import Row, Tasks

_RUN = re.compile(r"[A-Za-z0-9_]+")
_FLAG = re.compile(r"-{1,2}[A-Za-z][\w-]*(?:\Z|=)")
_FLAG_IN_TEXT = re.compile(r"(?<![\w-])-{1,2}[A-Za-z][\w-]*")
_KEEP = frozenset({
    "a", "all", "an", "and", "any", "as", "at", "by", "current", "dev", "directories", "directory",
    "directory1", "dir", "each", "etc", "file", "files", "find", "folder", "folders", "from", "group",
    "home", "host", "i", "if", "in", "into", "is", "it", "line", "lines", "list", "ls", "mode", "more",
    "name", "names", "new", "no", "not", "null", "number", "of", "on", "only", "or", "out", "output",
    "path", "print", "root", "search", "show", "size", "sort", "tar", "text", "that", "the", "them", "then",
    "this", "time", "to", "type", "user", "users", "usr", "var", "with", "word", "words", "x", "sed", "awk",
    "grep", "xargs", "cat", "echo", "f", "d", "l", "o",
})  # fmt: skip
_SYLLABLES = (
    "ba", "be", "bi", "bo", "da", "de", "do", "du", "fa", "fi", "fo", "ga", "go", "ha", "hi", "ka", "ke",
    "ko", "la", "le", "li", "lo", "ma", "me", "mi", "mo", "na", "ne", "no", "pa", "pe", "po", "ra", "re",
    "ri", "ro", "sa", "se", "si", "so", "ta", "te", "ti", "to", "va", "ve", "wa", "xi", "yo", "za", "zu",
    "tr", "st", "br", "cl", "dr", "el", "or", "an", "in", "er",
)  # fmt: skip
_EXTENSIONS = (
    "txt", "log", "c", "h", "py", "js", "java", "cpp", "html", "css", "xml", "json", "csv", "md", "sh",
    "pl", "php", "rb", "rs", "go", "ts", "jpg", "png", "gif", "mp3", "mp4", "avi", "pdf", "doc", "gz",
    "zip", "tar", "bak", "tmp", "conf", "cfg", "ini", "yml", "yaml", "sql", "o", "so", "class", "jar",
    "swp", "svg", "tex", "wav", "flac", "bz2", "xls", "old", "orig",
)  # fmt: skip
_SWAPS = (
    ("current directory", "current folder"),
    ("current directory", "this directory"),
    ("directory", "folder"),
    ("directories", "folders"),
    ("Display", "Show"),
    ("Print", "Show"),
    ("Find", "Search for"),
    ("Find", "List"),
    ("List", "Show"),
    ("Delete", "Remove"),
    ("Remove", "Delete"),
    ("recursively ", ""),
)


def augment(nl: str, tasks: Tasks, rng: random.Random, *, words: list[str]) -> tuple[str, Tasks]:
    """Return the row with shared literals renamed (mostly) and its wording varied a little."""
    if rng.random() < 0.8:
        nl, tasks = rename(nl, tasks, rng, words=words)
    return vary(nl, rng, kept=" ".join(_texts(tasks))), tasks


def rename(nl: str, tasks: Tasks, rng: random.Random, *, words: list[str]) -> tuple[str, Tasks]:
    """Rename each literal that stands in both, each with a chance of its own."""
    texts = list(_texts(tasks))
    shared = _shared_runs(nl, texts)
    return _renamed_runs(nl, tasks, rng, words=words, runs={r for r in shared if _is_literal(r, texts, nl)})


def estrange(nl: str, tasks: Tasks, rng: random.Random, *, words: list[str]) -> tuple[str, Tasks]:
    """Rename names and numbers of the plan, shared or not, and add a flag now and then.

    What comes out is a plan that no memory of the corpus helps to write: a draft of it has to be read.
    """
    runs = {run for text in _texts(tasks) for run in _RUN.findall(text[len(_flag(text)) :]) if len(run) > 1}
    flags = {run for text in _texts(tasks) for run in _RUN.findall(_flag(text))}
    nl, tasks = _renamed_runs(nl, tasks, rng, words=words, runs=runs - flags)
    with_args = [index for index, task in enumerate(tasks) if task.get("args")]
    if with_args and rng.random() < 0.3:
        flag = (
            f"-{rng.choice('abcdefghijklmnopqrstuvwxyz')}" if rng.random() < 0.6 else f"--{rng.choice(words)}"
        )
        chosen = rng.choice(with_args)
        args = list(tasks[chosen]["args"])
        args.insert(rng.randint(0, len(args)), flag)
        tasks = [task | {"args": args} if index == chosen else task for index, task in enumerate(tasks)]
    return nl, tasks


def _renamed_runs(
    nl: str, tasks: Tasks, rng: random.Random, *, words: list[str], runs: set[str]
) -> tuple[str, Tasks]:
    texts = list(_texts(tasks))
    registry = unix_registry()  # names of tools stay: after sudo or xargs they are what is run
    mapping: dict[str, str] = {}
    for run in sorted(runs):
        if run.lower() in _KEEP or run in registry or rng.random() < 0.15:
            continue
        fresh = _renamed(run, texts, rng, words=words)
        if fresh not in mapping.values() and fresh not in runs:
            mapping[run] = fresh
    if not mapping:
        return nl, tasks
    pattern = re.compile(r"(?<![A-Za-z0-9_])(?:" + "|".join(map(re.escape, mapping)) + r")(?![A-Za-z0-9_])")

    def swap(text: str) -> str:
        flag = _flag(text)
        return flag + pattern.sub(lambda match: mapping[match[0]], text[len(flag) :])

    return swap(nl), [_mapped_task(task, swap) for task in tasks]


def vary(nl: str, rng: random.Random, *, kept: str) -> str:
    """Vary case, full stop, quotes and a few common words; what stands in `kept` keeps its case."""
    for old, new in _SWAPS:
        if old in nl and rng.random() < 0.12:
            nl = nl.replace(old, new)
    if rng.random() < 0.2:
        nl = nl.replace('"', "'") if '"' in nl else nl.replace("'", '"') if nl.count("'") == 2 else nl
    if rng.random() < 0.5:
        nl = nl.removesuffix(".")
    first = nl.split(" ", 1)[0]
    if first.isalpha() and first not in kept and first[1:].islower():
        draw = rng.random()
        nl = nl[:1].lower() + nl[1:] if draw < 0.35 else nl[:1].upper() + nl[1:] if draw < 0.6 else nl
    return nl


def _shared_runs(nl: str, texts: list[str]) -> set[str]:
    """Return what may be renamed: runs that stand in both, but not flags that the instruction spells out."""
    in_texts = {run for text in texts for run in _RUN.findall(text[len(_flag(text)) :])}
    in_flags = {run for text in texts for run in _RUN.findall(_flag(text))}
    flags_of_nl = {run for flag in _FLAG_IN_TEXT.findall(nl) for run in _RUN.findall(flag)}
    return set(_RUN.findall(nl)) & in_texts - (in_flags & flags_of_nl)


def _texts(tasks: Tasks) -> Iterable[str]:
    for task in tasks:
        for item in task.get("args", ()):
            yield from _strings(item)
        if "save_to" in task:
            yield task["save_to"]


def _strings(item: str | Mapping[str, Any]) -> Iterable[str]:
    if isinstance(item, str):
        yield item
        return
    yield from (value for key, value in item.items() if key in {"glob", "env"})
    for part in item.get("text", ()):
        yield from _strings(part)


def _mapped_task(task: Row, swap: Callable[[str], str]) -> Row:
    return {key: value if key == "command" else _mapped(value, swap) for key, value in task.items()}


def _mapped(value: object, swap: Callable[[str], str]) -> object:
    if isinstance(value, dict):
        return {key: _mapped(inner, swap) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(inner, swap) for inner in value]
    return swap(value) if isinstance(value, str) else value


def _flag(text: str) -> str:
    """Return the flag that a text is, or begins with (`--include=…`); or nothing."""
    match = _FLAG.match(text)
    return match[0] if match else ""


def _is_literal(run: str, texts: list[str], nl: str) -> bool:
    """Return whether a shared run is a name or a number, not a word that both happen to use."""
    if run.isdigit() or not run.islower() or f"{run}." in nl or f".{run}" in nl or f"/{run}" in nl:
        return any(run in text and text != _flag(text) for text in texts)
    quoted = re.search(rf"[\"'`][^\"'`]*\b{re.escape(run)}\b[^\"'`]*[\"'`]", nl) is not None
    own = re.compile(rf"(?:^|[/*.=:@\"' ])({re.escape(run)})(?:$|[/*.:@\"' ])")
    return quoted or any(own.search(text) for text in texts if text != _flag(text))


def _renamed(run: str, texts: list[str], rng: random.Random, *, words: list[str]) -> str:
    if sized := re.fullmatch(r"(\d{1,3})([A-Za-z]{1,2})", run):
        return f"{rng.randint(1, 99)}{sized[2]}"  # a size keeps its unit
    if run.isdigit():
        if len(run) == 3 and all(digit in "01234567" for digit in run) and rng.random() < 0.6:
            return "".join(rng.choice("04567") for _ in range(3))
        size = len(run) if rng.random() < 0.7 else rng.randint(1, 4)
        return str(rng.randint(1 if size == 1 else 10 ** (size - 1), 10**size - 1))
    if any(f".{run}" in text for text in texts) and len(run) <= 5:
        return rng.choice(_EXTENSIONS)
    return _name(run, rng, words=words)


def _name(run: str, rng: random.Random, *, words: list[str]) -> str:
    if rng.random() < 0.6:
        name = rng.choice(words)
    else:
        name = "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(1, 4)))
    if rng.random() < 0.12:
        name += str(rng.randint(1, 99))
    if rng.random() < 0.08:
        name += "_" + rng.choice(words)
    if run[:1].isupper():
        name = name.upper() if run.isupper() else name[:1].upper() + name[1:]
    return name


def word_pool(rows: Iterable[Row]) -> list[str]:
    """Collect the plain words that instructions and plans use: what names are made of."""
    found: set[str] = set()
    for row in rows:
        found.update(run for run in _RUN.findall(row["nl"]) if run.isalpha() and 3 <= len(run) <= 10)
    return sorted(found)
