"""`scripts/measure-http`: a plan and the request alone, and their difference."""

from __future__ import annotations

import pytest

from scripts.measure.http import measured, table


async def test_a_plan_and_its_request_are_timed_in_turn() -> None:
    pytest.importorskip("openai", reason="the extra agx[openai] is not installed")
    plans, alone = await measured(2, examples=2)
    assert len(plans) == len(alone) == 2
    assert all(ms > 0 for ms in plans + alone)


def test_the_difference_of_the_medians_is_printed() -> None:
    assert "| what AGX and its client cost over it | 2.00 ms |" in table([3.0, 9.0, 4.0], [1.0, 2.0, 8.0])
