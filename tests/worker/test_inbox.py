"""Requests between the worker's two threads: their order, their cancellation, their time."""

from __future__ import annotations

from agx.worker.inbox import Arrival, Inbox


def test_requests_come_out_in_order_and_know_whether_they_were_cancelled() -> None:
    inbox = Inbox()
    for number in (2, 3):
        inbox.put({"id": number, "op": "render"})
    inbox.cancel(3)
    taken = [inbox.take().request_id for _ in range(2)]
    assert taken == [2, 3]
    assert [inbox.is_cancelled(number) for number in taken] == [False, True]


def test_what_is_finished_or_unknown_cannot_be_cancelled() -> None:
    inbox = Inbox()
    inbox.put({"id": 2, "op": "render"})
    inbox.finish(2)
    for number in (2, 99):
        inbox.cancel(number)
        assert not inbox.is_cancelled(number)


def test_a_deadline_counts_from_the_arrival() -> None:
    arrival = Arrival({"id": 2}, arrived_secs=0.0)
    assert arrival.remaining_secs(None) is None
    remaining = arrival.remaining_secs(0.001)
    assert remaining is not None
    assert remaining < 0
