"""The bank of examples: pairs of an instruction and its plan, found by how near the instruction is.

The pairs that come with AGX stand in `examples.tsv.gz`, which `scripts/build-examples` makes and
`examples.md` describes. Each line is an instruction, a tab, and the tasks as compact JSON. A bank keeps
lines, and reads only those that are near: thousands of plans would take longer to read than to search.

The few of `core.tsv`, in the same form, are shown for every instruction. So the beginning of the prompt is
always the same, and is computed once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from agx.plan.schema import Task
from agx.util.frozen import dataclass

if TYPE_CHECKING:
    from agx.util.text_index import TextIndex

MOST_NEAR = 200
"""How many pairs are looked at for one instruction; what is further away has little to do with it."""


@dataclass(frozen=True, slots=True)
class Example:
    """An instruction, and the tasks of a plan that does what it asks."""

    instruction: str
    tasks: tuple[Task, ...]

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Read a line of a bank."""
        instruction, _, plan = line.partition("\t")
        rows = enumerate(json.loads(plan), start=1)
        return cls(instruction, tuple(Task(task_number=number, **row) for number, row in rows))

    def as_line(self) -> str:
        """Return the line of a bank; the instruction's white space becomes single spaces."""
        return f"{' '.join(self.instruction.split())}\t{self.plan_text}"

    @property
    def plan_text(self) -> str:
        """The tasks as compact JSON: equal for equal plans."""
        rows = [task.written() for task in self.tasks]
        return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


class ExampleBank:
    """Pairs, as lines, that can be searched; the index is made when the first instruction comes."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._index = cache(self._made_index)

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Example]:
        return map(Example.from_line, self._lines)

    def nearest(self, instruction: str) -> Iterator[Example]:
        """Yield the examples whose instruction shares words with this one, the nearest first.

        Raises `Unsupported` where this Python's SQLite has no full-text index.
        """
        for number in self._index().nearest(instruction, limit=MOST_NEAR):
            yield Example.from_line(self._lines[number])

    def _made_index(self) -> TextIndex:
        from agx.util.text_index import TextIndex  # noqa: PLC0415  only general models are shown examples

        instructions = ((line.partition("\t")[0],) for line in self._lines)
        return TextIndex(instructions, weights=(1.0,), subject="examples", hint="give none: --examples 0")


def example_bank(own: Iterable[Example] = ()) -> ExampleBank:
    """Return the bank that comes with AGX, with a user's own pairs added to it."""
    lines = [example.as_line() for example in own]
    return ExampleBank((*_shipped_lines(), *lines)) if lines else _shipped_bank()


@cache
def core_examples() -> tuple[Example, ...]:
    """Return the examples that are shown for every instruction, in their order."""
    text = Path(__file__).with_name("core.tsv").read_text(encoding="utf-8")
    return tuple(map(Example.from_line, text.removesuffix("\n").split("\n")))


@cache
def _shipped_bank() -> ExampleBank:
    return ExampleBank(_shipped_lines())


@cache
def _shipped_lines() -> tuple[str, ...]:
    import gzip  # noqa: PLC0415  as above

    packed = Path(__file__).with_name("examples.tsv.gz").read_bytes()
    return tuple(gzip.decompress(packed).decode().removesuffix("\n").split("\n"))
