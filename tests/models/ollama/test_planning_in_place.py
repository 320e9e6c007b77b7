"""A model that Ollama has pulled plans where it lies: nothing is copied, nothing of Ollama's is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agx.app.early_start import started_worker
from agx.errors import ModelUnloadable
from agx.models.ollama.in_place import named_digest
from agx.models.resolve import embedded_model
from agx.planning.config import ModelRole, PlannerConfig
from agx.planning.planner import Planner
from agx.requests import LoadOptions
from agx.settings.layers import read_settings
from tests.ollama_models import put_model, tree_of

NAME = "ollama:planner:latest"
INSTRUCTION = "list all rust files and count lines"
COMMANDS = ["find", "xargs"]
MAX_SECS = 120


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Ollama's folder with the embedded planner in it, which nobody may write to."""
    folder = tmp_path / "ollama"
    put_model(folder, "planner:latest", embedded_model().read_bytes())
    monkeypatch.setenv("OLLAMA_MODELS", str(folder))
    paths = [folder, *folder.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder
    for path in paths:
        path.chmod(0o755 if path.is_dir() else 0o644)


def blob_of(folder: Path) -> Path:
    """Return the file of the one model in the folder."""
    return max((folder / "blobs").iterdir(), key=lambda path: path.stat().st_size)


def planner(**more: object) -> Planner:
    config = PlannerConfig(load=LoadOptions(device="cpu", threads=1), echo_model=NAME, delta_model=NAME)
    return Planner(replace(config, **more))  # type: ignore[arg-type]  # the config's own fields


async def test_it_plans_in_place_and_says_what_it_planned_with(folder: Path) -> None:
    """In both roles; the worker maps the blob itself, and the folder is afterwards what it was."""
    before = tree_of(folder)
    async with planner(role=ModelRole.BOTH) as opened:
        generated = await opened.plan(INSTRUCTION)
        health = await opened.health_check()
        maps = Path(f"/proc/{health.facts['pid']}/maps")
        assert not maps.exists() or str(blob_of(folder)) in maps.read_text()
    assert [task.command for task in generated.tasks] == COMMANDS
    assert generated.metadata.model == "agx-nano"
    assert generated.metadata.model_sha256 == named_digest(blob_of(folder))
    assert tree_of(folder) == before


async def test_a_model_without_a_name_of_its_own_has_that_of_ollama(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than that of its file, which is a hash."""
    data = embedded_model().read_bytes()
    put_model(tmp_path, "planner", data.replace(b"general.name", b"general.n_me", 1))
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path))
    async with planner() as opened:
        generated = await opened.plan(INSTRUCTION)
    assert generated.metadata.model == "planner:latest"


@pytest.mark.parametrize("role", [ModelRole.ECHO, ModelRole.BOTH])
async def test_a_damaged_blob_gives_no_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: ModelRole
) -> None:
    """One flipped bit in the weights, which llama.cpp loads without a word."""
    blob = put_model(tmp_path, "planner", embedded_model().read_bytes())
    with blob.open("r+b") as file:
        file.seek(-1000, os.SEEK_END)
        (byte,) = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path))
    async with planner(role=role) as opened:
        with pytest.raises(ModelUnloadable, match="is damaged") as caught:
            await opened.plan(INSTRUCTION)
    assert "ollama pull" in caught.value.hint
    assert caught.value.exit_code == 4


def agx(*arguments: str, tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the program in an empty folder with a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AGX_")}
    return subprocess.run(
        [sys.executable, "-m", "agx", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=kept | {"AGX_HOME": str(tmp_path / "home"), "AGX_DEVICE": "cpu"} | variables,
        timeout=MAX_SECS,
    )


@pytest.mark.parametrize("way", ["option", "variable", "file"])
def test_the_name_is_taken_wherever_a_model_is_named(folder: Path, tmp_path: Path, way: str) -> None:
    """On the command line, in the environment and in agx.toml."""
    before = tree_of(folder)
    arguments = ["plan", INSTRUCTION, "--json"]
    variables = {"AGX_ECHO_MODEL": NAME} if way == "variable" else {}
    if way == "option":
        arguments += ["--model", NAME]
    if way == "file":
        (tmp_path / "agx.toml").write_text(f'echo_model = "{NAME}"\n')
    done = agx(*arguments, tmp_path=tmp_path, **variables)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert [task["command"] for task in plan["tasks"]] == COMMANDS
    assert plan["metadata"]["model_sha256"] == named_digest(blob_of(folder))
    assert tree_of(folder) == before


@pytest.mark.parametrize("command", ["show", "fit"])
def test_the_commands_on_models_take_the_name(folder: Path, tmp_path: Path, command: str) -> None:
    done = agx("models", command, NAME, "--json", tmp_path=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "agx-nano"


def test_the_worker_is_started_early_for_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGX_MODEL_PATH", NAME)
    with started_worker(read_settings({"device": "cpu"}), needed=True) as worker:
        assert worker is not None


def test_a_model_that_ollama_does_not_have_is_one_sentence(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that the server does not have it, either."""
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    done = agx("plan", INSTRUCTION, "--model", "ollama:qwen2.5:1.5b", tmp_path=tmp_path)
    assert done.returncode == 4
    assert done.stderr.startswith(
        f"error: Ollama has no model qwen2.5:1.5b in {folder};"
        " ollama (Ollama does not answer at http://127.0.0.1:9)\nhint: pull it: "
    )
