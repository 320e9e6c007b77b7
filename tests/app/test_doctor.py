"""The checks of `agx doctor`, without a command line."""

from __future__ import annotations

import asyncio
import threading
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from agx.app.configure import planner_config
from agx.app.doctor import _ollama, _transformers, examine
from agx.app.doctor_servers import configured_servers, server_check
from agx.app.findings import Check
from agx.backends.base import BackendKind
from agx.backends.scripted import ScriptedBackend
from agx.plan.tools import Registry
from agx.planning.config import PlannerConfig
from agx.planning.planner import Planner
from agx.settings.layers import read_settings
from agx.worker.channel import Channel
from agx.worker.protocol import Frame
from tests.ollama_server import ollama_server
from tests.openai_server import openai_server


async def checks_with(reply: str, home: Path) -> dict[str, Check]:
    """Return the checks by name, with a model that writes this."""

    def make_planner(
        config: PlannerConfig, *, registry: Registry | None = None, worker: Channel | None = None
    ) -> Planner:
        assert worker is None
        return Planner(config, registry=registry, backend=ScriptedBackend((reply,)))

    settings = read_settings(environ={"AGX_HOME": str(home)})
    found = await examine(settings, make_planner=make_planner, worker=None)
    return {check.name: check for check in found}


async def test_every_part_is_looked_at(tmp_path: Path) -> None:
    checks = await checks_with('{"tasks":[{"command":"ls","args":[]}]}', tmp_path)
    assert checks.keys() >= {"agx", "pydantic", "home", "machine", "llama.cpp", "devices", "plan"}
    assert {check.status for check in checks.values()} <= {"ok", "note"}
    assert checks["home"] == Check("home", "ok", str(tmp_path))
    assert checks["plan"].detail.startswith('"list all rust files and count lines": ls, ')


async def test_the_event_loop_goes_on_while_a_worker_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()

    def patient() -> Frame:
        goes_on = threading.Event()
        loop.call_soon_threadsafe(goes_on.set)
        assert goes_on.wait(timeout=20), "the event loop stands still"
        return {"devices": [], "versions": {"llama-cpp-python": "0"}, "system_info": "CPU : SSE3 = 1 | "}

    monkeypatch.setattr("agx.app.doctor.survey", patient)
    monkeypatch.setattr("agx.app.hardware.survey", patient)
    checks = await checks_with('{"tasks":[{"command":"ls","args":[]}]}', tmp_path)
    assert checks["llama.cpp"].detail == "build llama-cpp-python 0; CPU: SSE3"


async def test_a_plan_that_fails_says_what_to_do(tmp_path: Path) -> None:
    plan = (await checks_with("nonsense", tmp_path / "new"))["plan"]
    assert (plan.status, bool(plan.hint)) == ("fail", True)
    assert plan.as_dict()["status"] == "fail"


async def test_the_embedded_planner_is_looked_at_here_whatever_the_backend(tmp_path: Path) -> None:
    """A server has another model, and its own check."""
    configs: list[PlannerConfig] = []

    def make_planner(
        config: PlannerConfig, *, registry: Registry | None = None, worker: Channel | None = None
    ) -> Planner:
        configs.append(config)
        return Planner(config, registry=registry, backend=ScriptedBackend(()))

    options = {"backend": "openai", "model_path": "gpt"}
    settings = read_settings(options, environ={"AGX_HOME": str(tmp_path)})
    found = await examine(settings, make_planner=make_planner, worker=None)
    assert [(config.echo_model, config.backend) for config in configs] == [
        ("agx-nano", BackendKind.LLAMACPP),
        ("gpt", (BackendKind.OPENAI,)),
    ]
    assert "model gpt" in {check.name for check in found}


async def ollama_check(home: Path, **more: str) -> Check:
    """Return what is found of Ollama with these settings."""
    settings = read_settings(environ={"AGX_HOME": str(home), **more})
    return await asyncio.to_thread(_ollama, planner_config(settings))


async def test_ollama_is_listed_with_its_version_or_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only another backend needs is a note."""
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    down = await ollama_check(tmp_path)
    assert (down.name, down.status) == ("backend ollama", "note")
    assert "ollama serve" in down.hint
    assert (await ollama_check(tmp_path, AGX_BACKEND="ollama")).status == "fail"
    with ollama_server(tmp_path / "ollama") as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        assert await ollama_check(tmp_path) == Check(
            "backend ollama", "ok", f"Ollama 0.35.1 at http://{server.host}"
        )
        missing = await ollama_check(tmp_path, AGX_OLLAMA_MODEL="qwen3")
        assert (missing.status, missing.hint) == ("note", "fetch it with: ollama pull qwen3")


@pytest.mark.parametrize(("backend", "status"), [("auto", "note"), ("transformers", "fail")])
def test_the_libraries_of_transformers_are_listed_or_how_to_install_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, status: str
) -> None:
    settings = read_settings(environ={"AGX_HOME": str(tmp_path), "AGX_BACKEND": backend})
    there = {"transformers": "5.0", "torch": "2.13"}
    monkeypatch.setattr("agx.app.doctor.version", there.__getitem__)
    found = _transformers(planner_config(settings))
    assert found == Check("backend transformers", "ok", "transformers 5.0, torch 2.13")

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("agx.app.doctor.version", missing)
    found = _transformers(planner_config(settings))
    assert (found.status, found.detail) == (status, "transformers is not installed")
    assert "agx[hf]" in found.hint


async def server_checks(home: Path, text: str = "", **environ: str) -> dict[str, Check]:
    """Return what is found of each server that an `agx.toml` and an environment name."""
    home.mkdir(exist_ok=True)
    (home / "agx.toml").write_text(text)
    variables = {"AGX_HOME": str(home), **environ}
    settings = read_settings(environ=variables)
    config = planner_config(settings)
    servers = configured_servers(settings, environ=variables)
    found = [await server_check(server, config=config) for server in servers]
    return {check.name: check for check in found}


async def test_no_server_is_asked_that_nobody_named(tmp_path: Path) -> None:
    assert await server_checks(tmp_path) == {}


async def test_each_configured_server_is_listed_with_ok_or_what_to_do(tmp_path: Path) -> None:
    pytest.importorskip("openai", reason="the extra agx[openai] is not installed")
    with openai_server() as server:
        text = f"""
            [endpoints.lab]
            base_url = "{server.url}"
            [endpoints.down]
            base_url = "http://127.0.0.1:9/v1"
            [endpoints.keyless]
            base_url = "{server.url}"
            api_key_env = "NO_SUCH_KEY"
        """
        found = await server_checks(tmp_path, text, AGX_BASE_URL=server.url)
        first = await server_checks(tmp_path, text, AGX_BACKEND="openai:down", AGX_MODEL_PATH="scripted")
    assert {name: check.status for name, check in found.items()} == {
        "backend openai": "ok",
        "backend openai:lab": "ok",
        "backend openai:down": "note",
        "backend openai:keyless": "note",
    }
    assert "no --model" in found["backend openai"].detail
    assert "export NO_SUCH_KEY=KEY" in found["backend openai:keyless"].hint
    assert first["backend openai:down"].status == "fail"
    assert first["backend openai:lab"].status == "ok"
