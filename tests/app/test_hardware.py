"""This machine as a model sees it, with what a worker says of its devices."""

from __future__ import annotations

from typing import Any

import pytest

from agx.app import hardware
from agx.app.fit import fit_of
from agx.gguf.card import read_card
from agx.gguf.placement import Machine
from agx.models.recommendation import Gpu
from agx.models.resolve import embedded_model
from agx.settings.layers import read_settings

GPU = {
    "backend": "CUDA",
    "type": "gpu",
    "name": "CUDA0",
    "description": "RTX",
    "total_bytes": 9,
    "free_bytes": 8,
}
SHARED = {"backend": "Metal", "type": "igpu", "name": "Metal", "total_bytes": 5, "free_bytes": 4}
CPU = {"backend": "CPU", "type": "cpu", "name": "CPU", "total_bytes": 3, "free_bytes": 2}


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the devices that a worker will name."""
    found: list[dict[str, Any]] = [CPU]
    monkeypatch.setattr(hardware, "survey", lambda: {"devices": found, "backends": ["CUDA", "Metal", "CPU"]})
    monkeypatch.setattr(hardware, "memory_bytes", lambda: (10, 20))
    return found


def test_gpus_are_named_and_those_that_share_memory_marked(devices: list[dict[str, Any]]) -> None:
    assert hardware.this_machine().gpus == ()
    devices[:0] = [GPU, SHARED]
    machine = hardware.this_machine()
    assert machine.gpus == (Gpu("RTX", 9), Gpu("Metal", 5, is_shared=True))
    assert machine.memory_bytes == 20


def test_memory_of_the_gpus_counts_where_they_are_used(devices: list[dict[str, Any]]) -> None:
    devices[:0] = [GPU, GPU]
    any_device, cpu = (read_settings({"device": name}, environ={}) for name in ("auto", "cpu"))
    assert hardware.machine_memory(any_device) == Machine(gpu_free=16, host_free=10, host_total=20)
    assert hardware.machine_memory(cpu) == Machine(host_free=10, host_total=20)


def test_a_model_that_does_not_fit_is_refused_with_its_needs(devices: list[dict[str, Any]]) -> None:
    del devices
    fit, refusal = fit_of(read_settings({}, environ={}), read_card(embedded_model()))
    assert (fit.fits, fit.host_free_bytes) == (False, 10)
    assert fit.total_bytes >= fit.weights_bytes + fit.cache_bytes + fit.compute_bytes
    assert refusal is not None
