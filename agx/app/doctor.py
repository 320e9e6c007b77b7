"""What `agx doctor` looks at, one check after the other."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agx.app.configure import planner_config
from agx.app.doctor_servers import configured_servers, server_check
from agx.app.findings import Check, Status
from agx.app.hardware import this_machine
from agx.backends.base import BackendKind, Health
from agx.errors import AgxError
from agx.models.catalog import load_catalog
from agx.models.ollama.api import OllamaApi
from agx.models.ollama.host import ollama_url
from agx.models.recommendation import recommend
from agx.models.resolve import EMBEDDED
from agx.planning.planner import Planner
from agx.util.machine import memory_bytes, usable_cpus
from agx.util.version import __version__
from agx.worker.survey import survey

if TYPE_CHECKING:
    from agx.app.planners import MakePlanner
    from agx.planning.config import PlannerConfig
    from agx.settings.layers import Settings
    from agx.worker.channel import Channel

INSTRUCTION = "list all rust files and count lines"
LIBRARIES = ("llama-cpp-python", "llguidance", "pydantic", "jinja2", "gguf")
REINSTALL = "install AGX again: scripts/setup, or pip install --force-reinstall agx"
_OLLAMA_SECS = 5.0


async def examine(
    settings: Settings, *, make_planner: MakePlanner | None, worker: Channel | None
) -> list[Check]:
    """Make all checks; raises nothing but what an interrupt raises."""
    config = planner_config(settings)
    embedded = replace(config, backend=BackendKind.LLAMACPP, echo_model=EMBEDDED, delta_model=EMBEDDED)
    checks = [_agx(), *_libraries(), _home(settings.home), _machine()]
    # The worker was started for the configured model: it serves the check of that one.
    is_embedded = config.echo_model == EMBEDDED
    make = make_planner or Planner
    planner = make(embedded, worker=worker if is_embedded else None)
    health, planned = await _health_and_plan(planner)
    models = {"embedded planner": health}
    for name in sorted({config.echo_model, config.delta_model} - {EMBEDDED}):
        other = replace(config, echo_model=name, delta_model=name)
        used = worker if name == config.echo_model else None
        models[f"model {name}"] = await _health(make(other, worker=used))
    # What asks a worker of its own waits for it, in a thread: the event loop is the caller's.
    checks += await asyncio.to_thread(lambda: list(_native(list(models.values()))))
    checks += [_model(name, found) for name, found in models.items()]
    checks.append(await asyncio.to_thread(_ollama, config))
    checks.append(_transformers(config))
    checks += [await server_check(server, config=config) for server in configured_servers(settings)]
    return [*checks, *planned, await asyncio.to_thread(_recommended)]


async def _health(planner: Planner) -> Health:
    async with planner:
        return await planner.health_check()


async def _health_and_plan(planner: Planner) -> tuple[Health, list[Check]]:
    async with planner:
        health = await planner.health_check()
        return health, [await _plan(planner)] if health.ok else []


async def _plan(planner: Planner) -> Check:
    try:
        generated = await planner.plan(INSTRUCTION)
    except AgxError as error:
        return Check("plan", "fail", error.message, hint=error.hint or REINSTALL)
    commands = " | ".join(task.command for task in generated.plan.tasks)
    return Check("plan", "ok", f'"{INSTRUCTION}": {commands}, {generated.metadata.latency_ms:.0f} ms')


def _agx() -> Check:
    system = f"{platform.system()} {platform.machine()}"
    return Check("agx", "ok", f"{__version__}, Python {platform.python_version()}, {system}")


def _libraries() -> Iterator[Check]:
    for name in LIBRARIES:
        try:
            yield Check(name, "ok", version(name))
        except PackageNotFoundError:
            yield Check(name, "fail", "not installed", hint=REINSTALL)


def _machine() -> Check:
    """Check what a model may use here, which may be less than the machine has."""
    cpus, memory = usable_cpus(), memory_bytes()
    share = f"{cpus} CPU{'s' if cpus > 1 else ''} for this process"
    if memory is None:
        return Check("machine", "ok", share)
    available, total = (f"{size / 2**30:.1f} GiB" for size in memory)
    return Check("machine", "ok", f"{share}, {available} of {total} memory free")


def _recommended() -> Check:
    """Check which models of the catalogue this machine can run, beyond the embedded planner."""
    try:
        chosen = recommend(load_catalog().values(), this_machine())
    except AgxError as error:
        return Check("larger models", "note", error.message, hint=error.hint)
    pair = f"Echo {chosen.echo}, Delta {chosen.delta}, on the {chosen.device.upper()}"
    return Check("larger models", "ok", f"{pair}: {chosen.reason} (agx models recommend)")


def _ollama(config: PlannerConfig) -> Check:
    """Check whether Ollama answers, and has the model that is named; a note where others can plan."""
    missing: Status = "fail" if _is_alone(config, BackendKind.OLLAMA) else "note"
    name = config.servers.ollama_model
    try:
        url = ollama_url(os.environ)
        with OllamaApi(url, answer_secs=_OLLAMA_SECS) as api:
            found = f"Ollama {api.version()} at {url}"
            if name is not None and api.modelfile(name) is None:
                hint = f"fetch it with: ollama pull {name}"
                return Check("backend ollama", missing, f"{found} has no model {name}", hint=hint)
    except AgxError as error:
        return Check("backend ollama", missing, error.message, hint=error.hint)
    return Check("backend ollama", "ok", found)


def _transformers(config: PlannerConfig) -> Check:
    """Check whether the libraries of the backend transformers are there; a note where others can plan."""
    missing: Status = "fail" if _is_alone(config, BackendKind.TRANSFORMERS) else "note"
    try:
        found = ", ".join(f"{name} {version(name)}" for name in ("transformers", "torch"))
    except PackageNotFoundError as error:
        hint = "install them: pip install 'agx[hf]'"
        return Check("backend transformers", missing, f"{error.name} is not installed", hint=hint)
    return Check("backend transformers", "ok", found)


def _is_alone(config: PlannerConfig, kind: BackendKind) -> bool:
    order = config.backend if isinstance(config.backend, tuple) else (config.backend,)
    return order == (kind,)


def _home(home: Path | None) -> Check:
    hint = "set AGX_HOME to a folder that is yours; planning works without one"
    if home is None:
        return Check("home", "note", "this user has no home folder", hint=hint)
    # What does not exist yet can be made where the nearest folder above it can be written.
    folder = next(path for path in (home, *home.parents) if _exists(path))
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return Check("home", "ok", f"{home}{'' if folder == home else ' (will be made when it is needed)'}")
    return Check("home", "note", f"{home} cannot be written", hint=hint)


def _exists(path: Path) -> bool:
    with suppress(PermissionError):
        return path.exists()
    return False


def _native(healths: Sequence[Health]) -> Iterator[Check]:
    """Yield what the first worker that got so far says of llama.cpp, or one without a model."""
    reported = (health.facts for health in healths if health.facts.get("system_info"))
    facts = next(reported, None) or _greeting()
    if not facts:
        return
    features = _features(str(facts["system_info"]))
    yield Check("llama.cpp", "ok", f"build {facts.get('build') or 'unknown'}; {features}")
    yield _amx_guard(is_on=bool(facts.get("amx_guard")))
    devices = [_device(device) for device in facts.get("devices") or ()]
    yield Check("devices", "ok" if devices else "note", "; ".join(devices) or "none reported")


def _features(system_info: str) -> str:
    """Return what llama.cpp says of its build, `CPU : AVX = 1 | AMX = 0 | `, as `CPU: AVX`."""
    named = (part.strip().replace(" : ", ": ").rpartition(" = ") for part in system_info.split("|"))
    return " ".join(name or value for name, _equals, value in named if value not in {"", "0"})


def _greeting() -> Mapping[str, Any]:
    """Return what a worker says before it loads anything; nothing where none can be started."""
    try:
        hello = survey()
    except AgxError:
        return {}
    return {**hello, "build": f"llama-cpp-python {hello['versions']['llama-cpp-python']}"}


def _amx_guard(*, is_on: bool) -> Check:
    if is_on:
        return Check("AMX guard", "ok", "on: this build has AMX, which crashes where GCC 12 compiled it")
    return Check("AMX guard", "ok", "not needed: this build has no AMX")


def _device(device: Mapping[str, Any]) -> str:
    total = int(device.get("total_bytes") or 0)
    memory = f", {total / 2**30:.1f} GiB" if total else ""
    return f"{device.get('name', '?')} ({device.get('description') or device.get('type')}{memory})"


def _model(name: str, health: Health) -> Check:
    if health.ok:
        return Check(name, "ok", health.detail)
    hint = str(health.facts.get("hint") or REINSTALL)
    return Check(name, "fail", health.detail, hint=hint)
