"""Docstrings of functions: the summary, and a sentence for each parameter.

Parameters are found in the three common styles: Google's section `Args:`, NumPy's
`Parameters` underlined with hyphens, and Sphinx's fields `:param name:`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from inspect import cleandoc

_GOOGLE = re.compile(r"(args|arguments|parameters|params|keyword args|keyword arguments):\s*$", re.IGNORECASE)
_GOOGLE_ITEM = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*(?:\([^)]*\)[^)]*)*\))?\s*:\s*(.*)$")
_NUMPY = re.compile(r"(other )?parameters\s*$", re.IGNORECASE)
_UNDERLINE = re.compile(r"-{3,}\s*$")
_NUMPY_ITEM = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?$")
_FIELD = re.compile(r":(?:param|parameter|arg|argument|key|keyword)\s+(?:[^:]*?\s)?\*{0,2}(\w+)\s*:\s*(.*)$")
_ANY_FIELD = re.compile(r":\w[^:\n]*:(\s|$)")
# A section of any name ends the summary: `Returns:`, or a line with an underline.
_SECTION = re.compile(r"[A-Z][A-Za-z ]{1,30}:\s*$")


@dataclass(frozen=True, slots=True)
class Docstring:
    """The first paragraph on one line, and the descriptions of parameters by name."""

    summary: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def parse_docstring(text: str | None) -> Docstring:
    """Return the parts of a docstring; sections of other styles are ignored."""
    lines = cleandoc(text or "").splitlines()
    parameters: dict[str, str] = {}
    for at, line in enumerate(lines):
        if _GOOGLE.match(line):
            parameters |= _items(_block(lines, at + 1, indented=True), _GOOGLE_ITEM)
        elif _NUMPY.match(line) and at + 1 < len(lines) and _UNDERLINE.match(lines[at + 1]):
            parameters |= _items(_numpy_block(lines, at + 2), _NUMPY_ITEM)
        elif found := _FIELD.match(line):
            more = [one.strip() for one in _block(lines, at + 1, indented=True)]
            parameters[found[1]] = " ".join([found[2], *more]).strip()
    return Docstring(" ".join(_summary(lines)), parameters)


def _summary(lines: Sequence[str]) -> Iterator[str]:
    for at, line in enumerate(lines):
        underlined = at + 1 < len(lines) and _UNDERLINE.match(lines[at + 1])
        if not line.strip() or _SECTION.match(line) or _ANY_FIELD.match(line) or underlined:
            return
        yield line.strip()


def _block(lines: Sequence[str], start: int, *, indented: bool) -> list[str]:
    """Return the lines of a section: indented ones, and empty ones between them."""
    end = start
    while end < len(lines) and (not lines[end].strip() or lines[end][0].isspace() == indented):
        end += 1
    return [line for line in lines[start:end] if line.strip()]


def _numpy_block(lines: Sequence[str], start: int) -> list[str]:
    """Return the lines of a NumPy section, up to the next underlined title."""
    underlines = (at for at in range(start, len(lines)) if _UNDERLINE.match(lines[at]))
    end = next(underlines, len(lines) + 1) - 1
    return [line for line in lines[start:end] if line.strip()]


def _items(lines: Sequence[str], item: re.Pattern[str]) -> dict[str, str]:
    """Return the items of a section: the least indented lines name parameters, others continue them."""
    margin = min((_indent(line) for line in lines), default=0)
    texts: dict[str, list[str]] = {}
    names: list[str] = []
    for line in lines:
        begins = item.match(line.strip()) if _indent(line) == margin else None
        if begins is not None:
            names = [name.strip(" *") for name in begins[1].split(",")]
            first = begins[2] if item.groups > 1 else ""
            texts |= {name: [first] if first else [] for name in names}
        elif _indent(line) > margin:
            for name in names:
                texts[name].append(line.strip())
        else:
            names = []
    return {name: " ".join(found) for name, found in texts.items() if found}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
