"""Which lines have their row: kept in about nine bytes a line, so that a long file can be resumed."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from agx.batch.lines import RawLine
from agx.batch.rows import RowHead
from agx.errors import UsageError

_FAILED, _PLANNED = 1, 2  # 0: there is no row
_AFRESH = "begin anew with --restart, which keeps the old rows in another file, or name another output"


class DoneRows:
    """The rows that are there, by the number of their line; all of them are of the same options."""

    def __init__(self) -> None:
        self.num_planned = 0
        self.num_failed = 0
        self.last_line = 0
        self.options: str | None = None
        self._digests = array("Q")
        self._states = bytearray()

    def __len__(self) -> int:
        return self.num_planned + self.num_failed

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and 0 < number <= self.last_line and bool(self._states[number - 1])

    def add(self, head: RowHead) -> None:
        """Add a row; raises `UsageError` for a line that has one, and for a row of other options."""
        if head.line in self:
            raise UsageError(f"the output has two rows for line {head.line}", hint=_AFRESH)
        if self.options not in {None, head.options}:
            raise UsageError(f"the output has rows of different options (line {head.line})", hint=_AFRESH)
        self.options = head.options
        if head.line > self.last_line:
            missing = head.line - self.last_line
            self._digests.frombytes(bytes(missing * self._digests.itemsize))
            self._states.extend(bytes(missing))
            self.last_line = head.line
        self._digests[head.line - 1] = head.digest
        self._states[head.line - 1] = _PLANNED if head.ok else _FAILED
        self.num_planned += head.ok
        self.num_failed += not head.ok

    def check_options(self, options: str) -> None:
        """Raise `UsageError` where the rows are of other options."""
        if self.options not in {None, options}:
            raise UsageError(
                "the rows in the output were planned with other options: another model, other tools, "
                "another role, seed or limit",
                hint=f"give the same options as before; or {_AFRESH}",
            )

    def check_line(self, raw: RawLine) -> None:
        """Raise `UsageError` where this line has a row that is of another text."""
        if raw.number in self and self._digests[raw.number - 1] != raw.digest:
            raise _changed(f"line {raw.number} is not what it was")

    def check_all(self, lines: Iterable[RawLine]) -> int:
        """Return how many lines there are; raises `UsageError` where they are not those of the rows."""
        number = 0
        for raw in lines:
            number = raw.number
            self.check_line(raw)
        self.check_number(number)
        return number

    def check_number(self, num_lines: int) -> None:
        """Raise `UsageError` where there are rows of lines that the input does not have."""
        if num_lines < self.last_line:
            raise _changed(f"it has {num_lines:,} lines, and a row for line {self.last_line:,} is there")


def _changed(how: str) -> UsageError:
    return UsageError(
        f"the input has changed since its rows were written: {how}",
        hint=f"lines may be added at the end; otherwise {_AFRESH}",
    )
