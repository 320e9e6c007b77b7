"""This machine as a model sees it: memory, cores and GPUs, and whether a model fits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from agx.errors import ModelTooLarge
from agx.gguf.memory import Use, need_of, use_of
from agx.gguf.placement import BACKENDS, Machine, Placement, choose_device, longest_context, place
from agx.models.recommendation import Gpu, Hardware
from agx.util.machine import memory_bytes, usable_cpus
from agx.worker.survey import survey

if TYPE_CHECKING:
    from agx.gguf.card import ModelCard
    from agx.settings.layers import Settings

_CONTEXTS = (2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072)


@dataclass(frozen=True, slots=True)
class Fit:
    """The memory that a model needs in bytes, and what a load on this machine would decide.

    `by_context_length` has the total for usual lengths. Memory that the system says nothing of is None.
    `has_room` is False where the weights must stay in the mapped file.
    """

    name: str
    context_length: int
    weights_bytes: int
    cache_bytes: int
    compute_bytes: int
    total_bytes: int
    by_context_length: Mapping[int, int]
    host_free_bytes: int | None
    gpu_free_bytes: int | None
    longest_context: int | None
    gpu_layers: int
    fits: bool
    has_room: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def this_machine() -> Hardware:
    """Return the memory and cores that this process may use, and the GPUs as ggml reports them."""
    host = memory_bytes()
    gpus = tuple(
        Gpu(
            str(device.get("description") or device.get("name")),
            int(device.get("total_bytes") or 0),
            is_shared=device["type"] == "igpu" or str(device.get("name", "")).startswith(("Metal", "MTL")),
        )
        for device in survey()["devices"]
        if device["type"] in {"gpu", "igpu"}
    )
    return Hardware(host[1] if host else _installed_bytes(), usable_cpus(), gpus)


def _installed_bytes() -> int | None:
    """Return the memory that the machine has, where nothing better is known, as on macOS."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def machine_memory(settings: Settings) -> Machine:
    """Return the memory of this machine and of the GPUs that the settings use."""
    host = memory_bytes()
    free, total = host if host is not None else (None, None)
    if settings.text("device") == "cpu":
        return Machine(host_free=free, host_total=total)
    hello = survey()
    listed = [(device["backend"], int(device["free_bytes"])) for device in hello["devices"]]
    chosen = choose_device(
        settings.text("device"), [backend for backend, _ in listed], compiled=hello["backends"]
    )
    gpus = [free_bytes for backend, free_bytes in listed if backend in BACKENDS[chosen]]
    gpu_free = None if chosen == "cpu" else sum(gpus)
    return Machine(gpu_free=gpu_free, host_free=free, host_total=total)


def fit_of(settings: Settings, card: ModelCard) -> tuple[Fit, ModelTooLarge | None]:
    """Return what a model needs and what a load would decide, and why a load would refuse it."""
    use = use_of(
        card,
        context_size=settings.optional_integer("context_size"),
        key_type=settings.text("cache_type_k"),
        value_type=settings.text("cache_type_v"),
        flash_attn=settings.text("flash_attn"),
    )
    machine = machine_memory(settings)
    layers = settings.optional_integer("gpu_layers")
    is_mapped = settings.text("mmap") == "on" and settings.text("mlock") == "off"
    refusal: ModelTooLarge | None = None
    placement: Placement | None = None
    try:
        placement = place(card, use, machine, gpu_layers=layers, is_mapped=is_mapped)
    except ModelTooLarge as error:
        refusal = error
    trained = card.context_length or use.context_length
    longest = longest_context(card, use, machine, gpu_layers=layers, is_mapped=is_mapped, at_most=trained)
    need = need_of(card, use)
    fit = Fit(
        name=card.name,
        context_length=use.context_length,
        weights_bytes=need.weights,
        cache_bytes=need.cache,
        compute_bytes=need.compute,
        total_bytes=need.total,
        by_context_length=_by_context_length(card, use, trained=trained),
        host_free_bytes=machine.host_free,
        gpu_free_bytes=machine.gpu_free,
        longest_context=None if machine.host_free is None else longest,
        gpu_layers=0 if placement is None else placement.gpu_layers,
        fits=placement is not None,
        has_room=placement is not None and placement.has_room,
    )
    return fit, refusal


def _by_context_length(card: ModelCard, use: Use, *, trained: int) -> dict[int, int]:
    """Return the bytes needed by the length of the context, up to the one that the model was trained for."""
    lengths = [length for length in _CONTEXTS if length <= trained] or [trained]
    return {length: need_of(card, replace(use, context_length=length)).total for length in lengths}
