"""Which models of the catalogue suit a machine, and why. Pure: the machine is described by the caller.

Echo and Delta are in memory together, so a pair is chosen: of all pairs that fit and are fast enough, the one
with the highest sum of preferences. Fast enough is what the README promises for the two roles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Any

from agx.models.catalog import CatalogEntry
from agx.models.measured import Measurement
from agx.models.resolve import EMBEDDED
from agx.models.speed import AS_ESTIMATED, Speed, cpu_speed, gpu_speed

# What somebody who waits for a plan puts up with: seconds for it on a CPU, tokens a second on a GPU.
CPU_SECS = {"echo": 10.0, "delta": 30.0}
GPU_RATE = {"echo": 50.0, "delta": 30.0}
# The system and other programs keep a tenth of a GPU's memory, and a quarter of the host's, but at least
# this.
_KEPT_BYTES = 2_500_000_000


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU and its memory in bytes. `is_shared`: the memory is the host's."""

    name: str
    memory_bytes: int
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What was measured on this machine's CPU.

    `measured` is by name in the catalogue; estimates for the others are multiplied by `factors`.
    """

    measured: Mapping[str, Measurement] = field(default_factory=dict)
    factors: Speed = AS_ESTIMATED

    def of(self, name: str, device: str) -> Measurement | None:
        """Return the measurement of a model on a device, or None."""
        return self.measured.get(name) if device == "cpu" else None


@dataclass(frozen=True, slots=True)
class Hardware:
    """A machine: the memory that this process may use in bytes (None: unknown), CPU cores, GPUs, speeds."""

    memory_bytes: int | None
    cores: int
    gpus: tuple[Gpu, ...] = ()
    known: Known = field(default_factory=Known)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model in one role on one device: whether it suits, and why or why not.

    Time and memory are estimates unless they are measured on this machine.
    """

    name: str
    role: str
    suits: bool
    reason: str
    plan_secs: float
    memory_bytes: int
    is_measured: bool = False


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The models of the two roles, the device, and the reasons for and against every model.

    `budget_bytes` is the memory that models may take on the device.
    """

    device: str
    budget_bytes: int
    echo: str
    delta: str
    reason: str
    considered: tuple[Candidate, ...]

    @property
    def to_pull(self) -> list[str]:
        """The models that have to be pulled."""
        return [name for name in (self.echo, self.delta) if name != EMBEDDED]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self) | {"to_pull": self.to_pull}


def recommend(catalog: Iterable[CatalogEntry], hardware: Hardware) -> Recommendation:
    """Return Echo and Delta: on the GPU if a pair fits there, else on the CPU, else the built-in planner."""
    entries = list(catalog)
    devices = (*(["gpu"] if hardware.gpus else []), "cpu")
    tried = [_on(device, entries, hardware) for device in devices]
    best = next((one for one in tried if one.delta != EMBEDDED), None)
    return best or next((one for one in tried if one.echo != EMBEDDED), tried[-1])


def budget_bytes(hardware: Hardware, device: str) -> int:
    """Return how much memory models may take on a device."""
    host = hardware.memory_bytes or 0
    for_models = max(0, min(host * 3 // 4, host - _KEPT_BYTES))
    if device == "cpu":
        return for_models
    own = sum(gpu.memory_bytes for gpu in hardware.gpus if not gpu.is_shared)
    shared = max((gpu.memory_bytes for gpu in hardware.gpus if gpu.is_shared), default=0)
    return own * 9 // 10 if own else min(shared * 9 // 10, for_models or shared * 9 // 10)


def speed_of(entry: CatalogEntry, hardware: Hardware, device: str) -> Speed:
    """Return the estimated speed of a model: arithmetic for the prompt, memory reads for the answer."""
    parameters = entry.active * 1e9
    size = entry.size_gb * 1e9 * entry.active / entry.parameters
    if device == "cpu":
        speed = cpu_speed(active_parameters=parameters, active_bytes=size, cores=hardware.cores)
        return speed.times(hardware.known.factors)
    is_shared = all(gpu.is_shared for gpu in hardware.gpus)
    return gpu_speed(active_parameters=parameters, active_bytes=size, is_shared=is_shared)


def _on(device: str, entries: Sequence[CatalogEntry], hardware: Hardware) -> Recommendation:
    """Return the recommendation for one device."""
    budget = budget_bytes(hardware, device)
    considered = [
        _considered(entry, role, hardware, device=device, budget=budget)
        for entry in entries
        for role in entry.good_for
    ]
    preference = {entry.name: entry.preference for entry in entries}
    suiting = {
        role: [one for one in considered if one.role == role and one.suits] for role in ("echo", "delta")
    }
    pairs = [
        (echo, delta)
        for echo in suiting["echo"]
        for delta in suiting["delta"]
        if preference[echo.name] < preference[delta.name] and echo.memory_bytes + delta.memory_bytes <= budget
    ]
    if pairs:
        echo, delta = max(pairs, key=lambda pair: sum(preference[one.name] for one in pair))
        needed = echo.memory_bytes + delta.memory_bytes
        reason = f"together they need {_gb(needed)} of the {_gb(budget)} that models may take"
        return Recommendation(device, budget, echo.name, delta.name, reason, tuple(considered))
    if suiting["echo"]:
        echo = max(suiting["echo"], key=lambda one: preference[one.name])
        reason = f"one model fits into the {_gb(budget)} that models may take; the built-in planner refines"
        return Recommendation(device, budget, echo.name, EMBEDDED, reason, tuple(considered))
    reason = f"models may take {_gb(budget)}, and none is small and fast enough: the built-in planner is"
    return Recommendation(device, budget, EMBEDDED, EMBEDDED, reason, tuple(considered))


def _considered(entry: CatalogEntry, role: str, hardware: Hardware, *, device: str, budget: int) -> Candidate:
    measured, speed = hardware.known.of(entry.name, device), speed_of(entry, hardware, device)
    secs = speed.plan_secs if measured is None else measured.plan_secs
    rate = 1 / speed.answer_token_secs
    needed = (None if measured is None else measured.memory_bytes) or entry.memory_bytes
    why_not = ""
    if needed > budget:
        why_not = f"needs {_gb(needed)}, and models may take {_gb(budget)}"
    elif device == "cpu" and secs > CPU_SECS[role]:
        limit = f"{role.title()} should take {CPU_SECS[role]:.0f} at most"
        why_not = f"about {ceil(secs)} s a plan on {hardware.cores} cores; {limit}"
    elif device == "gpu" and rate < GPU_RATE[role]:
        why_not = f"about {int(rate)} tokens a second; {role.title()} should write {GPU_RATE[role]:.0f}"
    reason = f"needs {_gb(needed)}; about {_secs(secs)} a plan"
    if measured is not None:
        reason = f"took {_gb(needed)} and {_secs(secs)} a plan, measured here"
    return Candidate(
        entry.name, role, not why_not, why_not or reason, round(secs, 2), needed, measured is not None
    )


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"


def _secs(secs: float) -> str:
    return f"{secs:.1f} s" if secs < 10 else f"{secs:.0f} s"
