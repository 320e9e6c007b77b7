"""How fast bytes arrive, under a clock that the test sets."""

from __future__ import annotations

import pytest

from agx.models.fetch.watcher import Meter


def test_nothing_is_said_in_the_first_moment() -> None:
    meter = Meter()
    assert meter.rate(now=0.0) is None
    meter.add(1000, now=0.0)
    assert meter.rate(now=1.4) is None
    assert meter.rate(now=2.0) == 500
    assert meter.secs_left(1500, now=2.0) == 3


def test_a_steady_rate_is_that_rate() -> None:
    meter = Meter()
    for tick in range(1000):
        meter.add(50, now=tick / 20)
    assert meter.rate(now=50.0) == pytest.approx(1000, rel=0.02)


def test_the_rate_follows_a_change_within_its_window_and_does_not_jump() -> None:
    """A connection that becomes ten times slower: halfway there after half the window, there after it."""
    meter = Meter(window_secs=10)
    for tick in range(200):
        meter.add(1000, now=tick / 10)
    for tick in range(200, 251):
        meter.add(100, now=tick / 10)
    assert meter.rate(now=25.0) == pytest.approx(5500, rel=0.05)
    for tick in range(251, 301):
        meter.add(100, now=tick / 10)
    assert meter.rate(now=30.0) == pytest.approx(1000, rel=0.05)


def test_when_nothing_comes_nobody_can_say_how_long_it_takes() -> None:
    meter = Meter(window_secs=10)
    meter.add(1000, now=0.0)
    meter.add(1000, now=1.0)
    assert meter.rate(now=100.0) == 0
    assert meter.secs_left(10, now=100.0) is None
