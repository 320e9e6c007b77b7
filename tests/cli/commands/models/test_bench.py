"""`agx models bench` with a model of random weights: what it prints, remembers, and what follows of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from agx.cli.app import run
from agx.models.measured import Measurements
from tests.cli.conftest import Agx
from tests.tiny_gguf import TinyModel, write_tiny_gguf


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_gguf(tmp_path / "tiny.gguf", TinyModel(context_length=8192))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGX_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_what_is_measured_is_printed_and_remembered(
    model: Path, home: Path, agx: Agx, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "bench", str(model), "--max-tokens", "60"]) == 0
    printed = json.loads(capsys.readouterr().out)
    measured = Measurements(home).of(model, device="cpu")
    assert measured is not None
    assert measured.as_dict() == printed
    assert min(measured.load_secs, measured.first_plan_secs, measured.plan_secs) > 0
    assert min(measured.prompt_tokens, measured.answer_tokens) > 0
    if sys.platform == "linux":
        assert measured.memory_bytes is not None
        assert measured.memory_bytes > measured.size_bytes
    fit = json.loads(agx("models", "fit", str(model), "--device", "cpu", "--json").out)
    assert fit["plan_secs"] == measured.plan_secs
    assert fit["measured"] == printed
    assert "(measured)" in agx("models", "fit", str(model), "--device", "cpu").out


def test_a_home_that_cannot_be_written_loses_the_memory_but_not_the_figures(
    model: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.write_text("a file")
    assert run(["models", "bench", str(model), "--max-tokens", "60"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["plan_secs"] > 0
    assert "the figures are not remembered" in captured.err


def test_what_is_no_model_is_an_error(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.gguf").write_text("no model")
    assert run(["models", "bench", str(tmp_path / "text.gguf")]) == 4
    assert "is no GGUF file" in capsys.readouterr().err
    assert not (home / "measured.json").exists()
