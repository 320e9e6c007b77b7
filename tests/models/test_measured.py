"""What is remembered of a measurement, and when it counts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from agx.errors import StorageError
from agx.models.measured import NAME, Measurement, Measurements
from agx.models.speed import ANSWER_TOKENS, AS_ESTIMATED, PROMPT_TOKENS, Speed, calibration, cpu_speed
from agx.util.machine import processor, usable_cpus

ONE = Measurement(
    name="one",
    sha256="0" * 64,
    size_bytes=500_000_000,
    parameters=600_000_000,
    is_dense=True,
    device="cpu",
    build="b",
    dialect="shell",
    measured_at="2026-12-01T00:00:00+00:00",
    load_secs=1.0,
    first_plan_secs=4.0,
    plan_secs=2.0,
    prompt_token_secs=0.012,
    answer_token_secs=0.08,
    prompt_tokens=260,
    answer_tokens=13,
    memory_bytes=700_000_000,
    processor=processor(),
    cores=usable_cpus(),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"weights")
    return path


def test_a_measurement_is_there_for_the_file_and_the_device(tmp_path: Path, file: Path) -> None:
    Measurements(tmp_path / "home").put(file, ONE)
    again = Measurements(tmp_path / "home")
    assert again.of(file, device="cpu") == ONE
    assert again.of(file, device="cuda") is None
    assert again.of(tmp_path / "none.gguf", device="cpu") is None
    assert again.all() == [ONE]


def test_a_file_that_changed_was_not_measured(tmp_path: Path, file: Path) -> None:
    measurements = Measurements(tmp_path)
    measurements.put(file, ONE)
    file.write_bytes(b"other weights")
    assert measurements.of(file, device="cpu") is None


def test_what_another_machine_measured_does_not_count(tmp_path: Path, file: Path) -> None:
    measurements = Measurements(tmp_path)
    measurements.put(file, replace(ONE, cores=ONE.cores + 1))
    assert measurements.of(file, device="cpu") is None
    assert measurements.all() == []


def test_a_second_measurement_takes_the_place_of_the_first(tmp_path: Path, file: Path) -> None:
    measurements = Measurements(tmp_path)
    measurements.put(file, ONE)
    measurements.put(file, replace(ONE, plan_secs=3.0))
    assert [each.plan_secs for each in measurements.all()] == [3.0]


@pytest.mark.parametrize(
    "damage",
    ["", "[]", "no JSON", '{"version": 1}', '{"version": 2, "measurements": {"a": 1}}', "[" * 100_000],
)
def test_a_damaged_memory_counts_as_empty_and_is_replaced(tmp_path: Path, file: Path, damage: str) -> None:
    (tmp_path / NAME).write_text(damage)
    measurements = Measurements(tmp_path)
    assert (measurements.of(file, device="cpu"), measurements.all()) == (None, [])
    measurements.put(file, ONE)
    assert measurements.all() == [ONE]


@pytest.mark.parametrize(
    ("field", "value"), [("plan_secs", "2"), ("plan_secs", -1.0), ("cores", True), ("memory_bytes", 1.5)]
)
def test_a_row_of_another_form_counts_as_none(tmp_path: Path, file: Path, field: str, value: object) -> None:
    measurements = Measurements(tmp_path)
    measurements.put(file, ONE)
    data = json.loads((tmp_path / NAME).read_text())
    [row] = data["measurements"].values()
    row[field] = value
    (tmp_path / NAME).write_text(json.dumps(data))
    assert measurements.all() == []


def test_without_a_home_nothing_is_remembered(file: Path) -> None:
    measurements = Measurements(None)
    assert measurements.of(file, device="cpu") is None
    with pytest.raises(StorageError, match="no home folder"):
        measurements.put(file, ONE)


def test_a_home_that_cannot_be_written_is_an_error_with_its_reason(tmp_path: Path, file: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StorageError, match="cannot be written"):
        Measurements(tmp_path / "taken").put(file, ONE)


def test_estimates_follow_what_was_measured_here() -> None:
    assert calibration([]) == AS_ESTIMATED
    estimate = cpu_speed(
        active_parameters=ONE.parameters, active_bytes=ONE.size_bytes, cores=max(1, ONE.cores)
    )
    calibrated = estimate.times(calibration([ONE]))
    assert calibrated.prompt_token_secs == pytest.approx(ONE.prompt_token_secs)
    assert calibrated.answer_token_secs == pytest.approx(ONE.answer_token_secs)


def test_models_with_experts_calibrate_nothing() -> None:
    assert calibration([replace(ONE, is_dense=False)]) == AS_ESTIMATED


def test_a_plan_is_its_prompt_and_its_answer() -> None:
    assert Speed(0.01, 0.1).plan_secs == pytest.approx(0.01 * PROMPT_TOKENS + 0.1 * ANSWER_TOKENS)


# Milliseconds a token of the prompt and of the answer on two cores of the processor that `speed` names.
REAL = [
    pytest.param(134.5e6, 98.0e6, 3.6, 9.1, id="SmolLM2-135M-Instruct Q4_1"),
    pytest.param(630.2e6, 491.4e6, 6.0, 32.8, id="Qwen2.5-Coder-0.5B-Instruct Q4_K_M"),
    pytest.param(1543.7e6, 1117.3e6, 11.4, 86.2, id="Qwen2.5-Coder-1.5B-Instruct Q4_K_M"),
]


@pytest.mark.parametrize(("parameters", "size", "prompt_ms", "answer_ms"), REAL)
def test_estimates_are_near_what_real_models_took(
    parameters: float, size: float, prompt_ms: float, answer_ms: float
) -> None:
    speed = cpu_speed(active_parameters=parameters, active_bytes=size, cores=2)
    assert speed.prompt_token_secs * 1000 == pytest.approx(prompt_ms, rel=0.3)
    assert speed.answer_token_secs * 1000 == pytest.approx(answer_ms, rel=0.3)
