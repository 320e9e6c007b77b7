"""Figures with their aims, as a table in plain text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the report. `aim` is its bound: an upper one unless `more_is_better`."""

    name: str
    value: float
    unit: str = ""
    aim: float | None = None
    more_is_better: bool = False

    @property
    def is_met(self) -> bool | None:
        """Whether the aim is reached; None without one."""
        if self.aim is None:
            return None
        return self.value >= self.aim if self.more_is_better else self.value <= self.aim


@dataclass(frozen=True, slots=True)
class Section:
    """Figures that belong together, and what a reader must know about them."""

    title: str
    figures: Sequence[Figure]
    notes: Sequence[str] = ()
    samples: Mapping[str, Sequence[float]] = field(default_factory=dict)


def ratio(name: str, ours: Sequence[float], theirs: Sequence[float], *, aim: float) -> Figure:
    """Return the ratio of the medians of two lists of times."""
    return Figure(name, median(ours) / median(theirs), aim=aim)


def middle(name: str, milliseconds: Sequence[float]) -> Figure:
    """Return the median of some times."""
    return Figure(name, median(milliseconds), "ms")


def as_text(machine: Mapping[str, str], sections: Sequence[Section]) -> str:
    """Return the report as people read it."""
    width = max((len(name) for name in machine), default=0)
    lines = [f"{name:{width}}  {value}" for name, value in machine.items()]
    width = max((len(figure.name) for section in sections for figure in section.figures), default=0)
    for section in sections:
        lines += ["", section.title]
        lines += [_line(figure, width=width) for figure in section.figures]
        lines += [f"  {note}" for note in section.notes]
    return "\n".join(lines)


def _line(figure: Figure, *, width: int) -> str:
    shown = f"{figure.value:8.2f} {figure.unit:2}"
    if figure.aim is None:
        return f"  {figure.name:{width}}  {shown}".rstrip()
    sign = "at least" if figure.more_is_better else "at most"
    verdict = "met" if figure.is_met else "MISSED"
    return f"  {figure.name:{width}}  {shown}  aim {sign} {figure.aim:g} {figure.unit:2} {verdict}"


def write_json(path: Path, machine: Mapping[str, str], sections: Sequence[Section]) -> None:
    """Write the report with every single time, so that two runs can be compared."""
    data = {"machine": dict(machine), "sections": [_section(section) for section in sections]}
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def _section(section: Section) -> dict[str, object]:
    figures = [asdict(figure) | {"is_met": figure.is_met} for figure in section.figures]
    return asdict(section) | {"figures": figures}
