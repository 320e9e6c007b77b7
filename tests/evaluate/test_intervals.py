"""Bootstrap intervals on data whose intervals are known."""

from __future__ import annotations

import math

import pytest

from agx.evaluate.intervals import Interval, bootstrap, ratio


def test_ratio_is_of_sums() -> None:
    """Not a mean of ratios; nothing to measure gives None."""
    assert ratio([(1.0, 1.0), (1.0, 3.0)]) == 0.5
    assert ratio([(0.0, 0.0)]) is None
    assert ratio([]) is None


def test_intervals_of_a_share_are_those_of_the_normal_approximation() -> None:
    """400 cases, 100 of them right: 0.25 ± 1.96·sqrt(0.25·0.75/400), within the bootstrap's noise."""
    half = 1.96 * math.sqrt(0.25 * 0.75 / 400)
    found = bootstrap([[(float(number % 4 == 0), 1.0) for number in range(400)]])[0]
    assert found is not None
    assert found.low == pytest.approx(0.25 - half, abs=0.008)
    assert found.high == pytest.approx(0.25 + half, abs=0.008)


def test_intervals_of_constants_are_points() -> None:
    """All right, all wrong, or one case alone: nothing varies."""
    assert bootstrap([[(1.0, 1.0)] * 9, [(0.0, 1.0)] * 9]) == [Interval(1.0, 1.0), Interval(0.0, 0.0)]
    assert bootstrap([[(-1.0, 1.0)]]) == [Interval(-1.0, -1.0)]


def test_the_tails_are_cut_at_25_of_1000() -> None:
    """With two cases a quarter of the resamples is each extreme, so both bounds are the extremes."""
    assert bootstrap([[(0.0, 1.0), (1.0, 1.0)]]) == [Interval(0.0, 1.0)]


def test_the_seed_decides_and_columns_share_their_resamples() -> None:
    """The same numbers twice, and a column does not depend on the others beside it."""
    parts = [(float(number % 3), 2.0) for number in range(30)]
    other = [(1.0, 1.0)] * 30
    assert bootstrap([parts, other]) == bootstrap([parts, other])
    assert bootstrap([other, parts])[1] == bootstrap([parts])[0]
    assert bootstrap([parts], seed=1) != bootstrap([parts], seed=2)


def test_what_is_not_scored_has_no_interval() -> None:
    """Neither has an evaluation without cases."""
    assert bootstrap([[(0.0, 0.0)] * 3]) == [None]
    assert bootstrap([[]]) == [None]
    assert bootstrap([]) == []


def test_resamples_without_a_scored_case_are_left_out() -> None:
    """One scored case among many: in every resample that has it the value is the same."""
    assert bootstrap([[(0.0, 0.0)] * 20 + [(1.0, 2.0)]]) == [Interval(0.5, 0.5)]
