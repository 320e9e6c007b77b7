"""How far a run is, by a clock that the test turns."""

from __future__ import annotations

from agx.batch.tally import Tally
from agx.errors import PlanInvalid


class Clock:
    """Says the time that it is told."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_rate_is_that_of_this_run() -> None:
    clock = Clock()
    tally = Tally(total=1000, num_planned=490, num_failed=10, clock=clock)
    assert (tally.num_done, tally.num_new, tally.rate, tally.secs_left) == (500, 0, 0.0, None)
    clock.now = 150.0
    tally.begin()  # the model took its time
    clock.now = 160.0
    for _ in range(99):
        tally.count(None)
    tally.count(PlanInvalid("no"))
    assert (tally.num_planned, tally.num_failed, tally.num_new) == (589, 11, 100)
    assert (tally.rate, tally.secs_left) == (10.0, 40.0)
    assert tally.codes == {"PlanInvalid": 1}
    assert tally.as_dict() == {
        "lines": 1000,
        "planned": 589,
        "errors": 11,
        "new": 100,
        "seconds": 10.0,
        "per_second": 10.0,
        "seconds_left": 40.0,
        "new_errors": {"PlanInvalid": 1},
    }


def test_nobody_knows_how_long_a_pipe_is() -> None:
    clock = Clock()
    tally = Tally(clock=clock)
    clock.now += 1
    tally.count(None)
    assert (tally.total, tally.secs_left) == (None, None)
