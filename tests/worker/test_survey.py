"""What a worker says of the machine, without a model."""

from __future__ import annotations

from agx.worker.survey import survey


def test_a_survey_names_the_devices_and_leaves_nothing_behind() -> None:
    hello = survey()
    assert [device["type"] for device in hello["devices"]].count("cpu") == 1
    assert all(device["total_bytes"] > 0 for device in hello["devices"])
