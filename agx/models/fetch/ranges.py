"""Which bytes of a file are there, as disjoint ranges from `start` up to `end`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Ranges:
    """A set of byte offsets, kept as disjoint ranges."""

    def __init__(self, ranges: Iterable[Sequence[int]] = ()) -> None:
        self._ranges: list[tuple[int, int]] = []
        for start, end in ranges:
            self.add(start, end)

    def add(self, start: int, end: int) -> None:
        """Add the bytes from `start` up to `end`."""
        assert 0 <= start <= end, (start, end)
        if start == end:
            return
        before = [one for one in self._ranges if one[1] < start]
        after = [one for one in self._ranges if one[0] > end]
        touched = self._ranges[len(before) : len(self._ranges) - len(after)]
        if touched:
            start, end = min(start, touched[0][0]), max(end, touched[-1][1])
        self._ranges = [*before, (start, end), *after]

    def missing(self, size: int) -> list[tuple[int, int]]:
        """Return the missing ranges up to `size`."""
        gaps, at = [], 0
        for start, end in self._ranges:
            if at < min(start, size):
                gaps.append((at, min(start, size)))
            at = end
        return [*gaps, (at, size)] if at < size else gaps

    def cut(self, size: int) -> Ranges:
        """Return the ranges before `size`."""
        return Ranges((start, min(end, size)) for start, end in self._ranges if start < size)

    @property
    def num_bytes(self) -> int:
        """The number of bytes."""
        return sum(end - start for start, end in self._ranges)

    @property
    def prefix(self) -> int:
        """The number of bytes from the beginning without a gap."""
        return self._ranges[0][1] if self._ranges and self._ranges[0][0] == 0 else 0

    def to_list(self) -> list[list[int]]:
        """Return the JSON form, which the constructor takes."""
        return [list(one) for one in self._ranges]


def pieces(missing: Iterable[tuple[int, int]], *, piece_bytes: int) -> list[tuple[int, int]]:
    """Yield the ranges in order, cut into pieces of at most `piece_bytes`."""
    return [
        (at, min(at + piece_bytes, end)) for start, end in missing for at in range(start, end, piece_bytes)
    ]
