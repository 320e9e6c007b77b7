"""`agx embed`: one vector a text, whatever makes it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from agx.cli.app import run
from tests.tiny_bert import WIDTH, write_tiny_bert


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, with an encoder in its models folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AGX_DEVICE", "cpu")
    (tmp_path / "home" / "models").mkdir(parents=True)
    write_tiny_bert(tmp_path / "home" / "models" / "encoder.gguf")
    return tmp_path / "home"


def test_an_encoder_that_cannot_plan_can_embed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["embed", "--model", "encoder", "a cat", "a dog"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["index"], len(row["embedding"])) for row in rows] == [(0, WIDTH), (1, WIDTH)]
    assert run(["plan", "--model", "encoder", "list files"]) == 4
    assert "a model for embeddings" in capsys.readouterr().err


def test_lines_of_standard_input_are_texts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a cat\na dog\n")))
    assert run(["embed", "--model", "encoder", "-"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "there is no text"),
        (["a", " "], 2, "text 2 is empty"),
        (["a " * 100], 2, "text 1 has"),
        (["--model", "none.gguf", "a"], 4, "none.gguf"),
    ],
    ids=["no text", "empty", "too long", "no model"],
)
def test_what_cannot_be_embedded_is_said(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["embed", "--model", "encoder", *arguments]) == code
    assert said in capsys.readouterr().err
