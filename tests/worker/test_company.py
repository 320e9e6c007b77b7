"""Who waits for whom, in front of the worker."""

from __future__ import annotations

import asyncio

from agx.worker.company import Company


async def entering(company: Company, *, alone: bool = False) -> asyncio.Task[None]:
    """Let somebody try to enter, and give the attempt."""
    task = asyncio.create_task(company.enter(alone=alone))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task


async def test_others_enter_at_once() -> None:
    company = Company()
    assert all([(await entering(company)).done() for _ in range(3)])


async def test_a_suspect_waits_for_all_to_leave_and_keeps_the_room() -> None:
    company = Company()
    await company.enter(alone=False)
    suspect, behind = await entering(company, alone=True), await entering(company)
    assert (suspect.done(), behind.done()) == (False, False)
    company.leave()
    await asyncio.sleep(0)
    assert (suspect.done(), behind.done()) == (True, False)
    company.leave()
    await behind


async def test_who_stops_waiting_is_in_nobodys_way() -> None:
    company = Company()
    await company.enter(alone=False)
    suspect, behind = await entering(company, alone=True), await entering(company)
    suspect.cancel()
    await behind
    company.leave()
    company.leave()
    assert (await entering(company, alone=True)).done()


async def test_a_place_that_comes_as_its_taker_goes_is_given_on() -> None:
    company = Company()
    await company.enter(alone=True)
    waiting = await entering(company, alone=True)
    company.leave()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert (await entering(company, alone=True)).done()
