"""Bootstrap intervals of ratios of sums: the percentile method, with a seed.

Source: Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from agx.evaluate.metrics import Part

NUM_RESAMPLES = 1000
CONFIDENCE = 0.95
SEED = 0


@dataclass(frozen=True, slots=True)
class Interval:
    """The bounds between which a value lies with the given confidence."""

    low: float
    high: float


@dataclass(slots=True)
class _Column:
    """One metric's parts, as columns to add up fast, and the ratios of its resamples."""

    numerators: list[float]
    denominators: list[float]
    values: list[float] = field(default_factory=list)

    def resample(self, drawn: Sequence[int]) -> None:
        """Add the ratio over the drawn cases, unless the metric scores none of them."""
        total = sum(map(self.denominators.__getitem__, drawn))
        if total:
            self.values.append(sum(map(self.numerators.__getitem__, drawn)) / total)


def ratio(parts: Sequence[Part]) -> float | None:
    """Return the sum of the numerators over that of the denominators; None where that is 0."""
    total = sum(part[1] for part in parts)
    return sum(part[0] for part in parts) / total if total else None


def bootstrap(
    columns: Sequence[Sequence[Part]], *, num_resamples: int = NUM_RESAMPLES, seed: int = SEED
) -> list[Interval | None]:
    """Return one interval for each column; every column has a part for each case, in the same order.

    All columns are resampled with the same cases. None for a column without scored cases.
    """
    rng = random.Random(seed)  # noqa: S311  a statistic, not a secret
    made = [_Column([p[0] for p in parts], [p[1] for p in parts]) for parts in columns]
    num_cases = len(columns[0]) if columns else 0
    for _ in range(num_resamples if num_cases else 0):
        drawn = rng.choices(range(num_cases), k=num_cases)
        for column in made:
            column.resample(drawn)
    return [_percentiles(sorted(column.values)) for column in made]


def _percentiles(values: Sequence[float]) -> Interval | None:
    if not values:
        return None
    tail = (1 - CONFIDENCE) / 2
    # Equally many resamples lie outside on either side.
    num_outside = math.floor(tail * len(values))
    return Interval(values[num_outside], values[-1 - num_outside])
