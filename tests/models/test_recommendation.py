"""Which models suit which machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agx.models.catalog import load_catalog
from agx.models.recommendation import (
    CPU_SECS,
    Gpu,
    Hardware,
    Known,
    Recommendation,
    budget_bytes,
    recommend,
    speed_of,
)
from agx.models.resolve import EMBEDDED
from agx.models.speed import Speed
from tests.models.test_measured import ONE as MEASURED

GB = 10**9


def for_machine(memory_gb: float | None, cores: int, *gpus: Gpu) -> Recommendation:
    memory = None if memory_gb is None else round(memory_gb * GB)
    return recommend(load_catalog().values(), Hardware(memory, cores, gpus))


def test_a_tiny_machine_keeps_the_built_in_planner() -> None:
    chosen = for_machine(2, 2)
    assert (chosen.echo, chosen.delta, chosen.to_pull) == (EMBEDDED, EMBEDDED, [])
    assert not any(one.suits for one in chosen.considered)


def test_a_machine_with_room_for_one_model_drafts_with_it() -> None:
    chosen = for_machine(4.2, 4)
    assert chosen.echo == "qwen2.5-1.5b-instruct"
    assert chosen.delta == EMBEDDED
    assert "one model fits" in chosen.reason


@pytest.mark.parametrize(
    ("memory_gb", "cores", "echo", "delta"),
    [
        (8, 4, "qwen2.5-1.5b-instruct", "qwen3-4b"),
        (16, 8, "qwen3-4b", "qwen3-8b"),
        (64, 16, "qwen3-4b", "qwen3-32b"),
    ],
)
def test_laptops_and_workstations_get_a_pair(memory_gb: float, cores: int, echo: str, delta: str) -> None:
    chosen = for_machine(memory_gb, cores)
    assert (chosen.device, chosen.echo, chosen.delta) == ("cpu", echo, delta)
    assert chosen.to_pull == [echo, delta]


def test_a_gpu_is_used_where_a_pair_fits_into_its_memory() -> None:
    chosen = for_machine(32, 8, Gpu("RTX", 24 * GB))
    assert (chosen.device, chosen.delta) == ("gpu", "qwen3-14b")
    assert for_machine(16, 8, Gpu("small", 2 * GB)).device == "cpu"


def test_a_gpu_that_shares_the_hosts_memory_has_no_more_than_that() -> None:
    machine = Hardware(16 * GB, 8, (Gpu("Metal", 12 * GB, is_shared=True),))
    assert budget_bytes(machine, "gpu") <= budget_bytes(machine, "cpu")
    assert for_machine(16, 8, *machine.gpus).device == "gpu"


@pytest.mark.parametrize(
    ("memory_gb", "cores", "gpu_gb"), [(8, 4, 0), (16, 2, 0), (64, 32, 0), (32, 8, 8), (256, 64, 80)]
)
def test_what_is_recommended_fits_and_is_among_what_was_considered(
    memory_gb: float, cores: int, gpu_gb: float
) -> None:
    gpus = (Gpu("gpu", round(gpu_gb * GB)),) if gpu_gb else ()
    chosen = for_machine(memory_gb, cores, *gpus)
    by_role = {(one.name, one.role): one for one in chosen.considered}
    pair = [by_role[chosen.echo, "echo"], by_role[chosen.delta, "delta"]]
    assert all(one.suits for one in pair)
    assert sum(one.memory_bytes for one in pair) <= chosen.budget_bytes
    assert chosen.echo != chosen.delta
    assert all(one.reason for one in chosen.considered)


def test_what_does_not_suit_says_why() -> None:
    reasons = {one.name: one.reason for one in for_machine(64, 2).considered if one.role == "delta"}
    assert reasons["qwen3-32b"].startswith("about 77 s a plan on 2 cores")
    assert reasons["qwen3-235b-a22b"] == "needs 143.8 GB, and models may take 48.0 GB"
    slow = {one.name: one.reason for one in for_machine(64, 8, Gpu("g", 48 * GB)).considered}
    assert slow["qwen3-32b"] == "about 15 tokens a second; Delta should write 30"


@pytest.mark.parametrize("cores", range(1, 33))
def test_what_is_too_slow_is_said_to_be_slower_than_it_should_be(cores: int) -> None:
    """Also where it is so by a fraction of a second."""
    slow = [one for one in for_machine(512, cores).considered if " s a plan on " in one.reason]
    assert all(int(one.reason.split()[1]) > CPU_SECS[one.role] for one in slow)


def test_a_machine_that_does_not_say_its_memory_gets_the_built_in_planner() -> None:
    assert for_machine(None, 8).to_pull == []
    assert for_machine(None, 8, Gpu("Metal", 16 * GB, is_shared=True)).device == "gpu"


def test_a_measured_model_is_said_to_be_measured() -> None:
    [entry] = [each for each in load_catalog().values() if each.name == "qwen2.5-1.5b-instruct"]
    slow = replace(MEASURED, plan_secs=11.5, memory_bytes=1_234_000_000)
    machine = Hardware(16 * GB, 8, known=Known({entry.name: slow}))
    [echo] = [one for one in recommend([entry], machine).considered if one.role == "echo"]
    assert (echo.is_measured, echo.plan_secs, echo.memory_bytes) == (True, 11.5, 1_234_000_000)
    assert echo.reason == "about 12 s a plan on 8 cores; Echo should take 10 at most"
    fast = Hardware(16 * GB, 8, known=Known({entry.name: replace(slow, plan_secs=2.0)}))
    [echo] = [one for one in recommend([entry], fast).considered if one.role == "echo"]
    assert echo.reason == "took 1.2 GB and 2.0 s a plan, measured here"


def test_estimates_follow_the_machine_as_it_was_measured() -> None:
    [entry] = [each for each in load_catalog().values() if each.name == "qwen2.5-1.5b-instruct"]
    as_estimated = speed_of(entry, Hardware(16 * GB, 8), "cpu")
    slower = Hardware(16 * GB, 8, known=Known(factors=Speed(2.0, 3.0)))
    assert speed_of(entry, slower, "cpu") == as_estimated.times(Speed(2.0, 3.0))
    assert speed_of(entry, slower, "gpu") == speed_of(entry, Hardware(16 * GB, 8), "gpu")
