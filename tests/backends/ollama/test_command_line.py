"""`agx plan` with Ollama: the plan on standard output, what was fallen back from, and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agx.models.resolve import embedded_model
from tests.fake_ollama import FakeModel, fake_ollama, tiny_backend


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """A server that has the embedded planner as `nano`."""
    model = FakeModel(tiny_backend(embedded_model(), context_size=None), info={"agx.planner.tools": "unix"})
    with fake_ollama({"nano": model}) as server:
        yield server.url


def plan(host: str, home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "AGX_HOME": str(home), "AGX_RECORD": "off", "OLLAMA_HOST": host}
    command = [sys.executable, "-m", "agx", "plan", "sort a.txt", *options]
    return subprocess.run(
        command, capture_output=True, text=True, env=environ, stdin=subprocess.DEVNULL, check=False
    )


def test_a_plan_comes_from_the_server(host: str, tmp_path: Path) -> None:
    done = plan(host, tmp_path, "--backend", "ollama", "--model", "ollama:nano")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["tasks"][0]["command"] == "sort"
    assert (made["metadata"]["backend"], made["metadata"]["fell_back_from"]) == ("ollama", None)


def test_what_was_fallen_back_from_is_told(host: str, tmp_path: Path) -> None:
    """An order that was asked for, and the one of `auto` where a model of Ollama's is named."""
    for backend in ("llamacpp,ollama", "auto"):
        missing = str(tmp_path / "no.gguf")
        done = plan(host, tmp_path, "--backend", backend, "--model", missing, "--ollama-model", "nano")
        assert done.returncode == 0, done.stderr
        why = f"llamacpp (there is no model file {missing})"
        assert json.loads(done.stdout)["metadata"]["fell_back_from"] == why
        assert done.stderr == f"warning: ollama takes the place of {why}\n"


@pytest.mark.parametrize(
    ("address", "options", "exit_code", "hint"),
    [
        ("", ("--model", "ollama:gone"), 4, "ollama pull gone"),
        ("127.0.0.1:9", ("--model", "ollama:nano"), 5, "ollama serve"),
        ("", (), 2, "AGX_OLLAMA_MODEL"),
    ],
    ids=["no such model", "server down", "no model named"],
)
def test_what_is_missing_is_named_with_what_to_do(
    address: str, options: tuple[str, ...], exit_code: int, hint: str, *, host: str, tmp_path: Path
) -> None:
    done = plan(address or host, tmp_path, "--backend", "ollama", *options)
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert hint in done.stderr
