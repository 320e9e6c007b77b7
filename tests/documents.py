"""The README and the pages of `docs`, as their tests read them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").glob("*.md")))
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """One fenced block of a page: where it begins, its language and its text."""

    place: str
    language: str
    text: str


def blocks(*languages: str) -> list[Block]:
    """Return the blocks of some languages on all pages."""
    return [block for page in PAGES for block in _blocks(page) if block.language in languages]


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield Block(f"{page.name}:{line}", match[1], match[2])


def shell_lines() -> list[tuple[str, str]]:
    """Return the command lines of all pages that run AGX as it is installed, each with its place."""
    lines = [
        (block.place, line.partition("  #")[0].rstrip())
        for block in blocks("sh")
        for line in block.text.replace("\\\n", "").splitlines()
    ]
    return [(place, line) for place, line in lines if re.match(r"(ls|ps|agx|AGX_\w+=)\b", line)]


class Command(NamedTuple):
    """One command line of a block, and what the page shows of its output; None where it shows none."""

    line: str
    shown: str | None


def commands(block: Block) -> list[Command]:
    """Return the command lines of a `console` block with their output, or of any other without."""
    if block.language != "console":
        lines = block.text.replace("\\\n", "").splitlines()
        return [Command(line.partition("  #")[0].rstrip(), None) for line in lines]
    sessions = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    return [Command(line, shown) for line, _, shown in (session.partition("\n") for session in sessions)]


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which `agx` is this one; where it is not installed, by a script of a line."""
    programs = folder / "bin"
    programs.mkdir()
    own = Path(sys.executable).parent
    more = {"AGX_HOME": str(folder / "home"), "AGX_DEVICE": "cpu"}
    if not _is_installed() or not (own / "agx").exists():
        agx = programs / "agx"
        agx.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m agx "$@"\n')
        agx.chmod(0o755)
    if not _is_installed():
        more["PYTHONPATH"] = str(ROOT)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AGX_")}
    return kept | more | {"PATH": os.pathsep.join((str(programs), str(own), os.environ["PATH"]))}


def _is_installed() -> bool:
    try:
        distribution("agx")
    except PackageNotFoundError:
        return False
    return True
