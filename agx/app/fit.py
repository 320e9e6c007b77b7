"""Whether a model fits here: the memory it needs, where a load would put it, and how long plans take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from agx.app.hardware import machine_memory
from agx.errors import ModelTooLarge
from agx.gguf.memory import FIRST_CONTEXT_LENGTH, Use, need_of, use_of
from agx.gguf.placement import BACKENDS, Machine, Placement, longest_context, most_sequences, place
from agx.models.measured import Measurement, Measurements
from agx.models.speed import Speed, calibration, cpu_speed, gpu_speed
from agx.util.machine import usable_cpus

if TYPE_CHECKING:
    from agx.gguf.card import ModelCard
    from agx.settings.layers import Settings

_CONTEXTS = (2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072)


@dataclass(frozen=True, slots=True)
class Fit:
    """The memory that a model needs in bytes, what a load on this machine would decide, and how fast it is.

    `first_bytes` is the memory before the context has grown, `by_context_length` has the total for usual
    lengths. `sequences` is how many plans may be written at once; `total_bytes` is for one, unless more are
    asked for. Memory that the system says nothing of is None. `has_room` is False where the weights must stay
    in the mapped file. `plan_secs` is an estimate, by what was measured of other models here, unless there is
    a measurement of this file; None for a model with experts that was not measured.
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
    sequences: int
    fits: bool
    has_room: bool
    first_bytes: int
    plan_secs: float | None
    measured: Measurement | None

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def fit_of(settings: Settings, card: ModelCard) -> tuple[Fit, ModelTooLarge | None]:
    """Return what a model needs and what a load would decide, and why a load would refuse it."""
    use = use_of(
        card,
        context_size=settings.optional_integer("context_size"),
        key_type=settings.text("cache_type_k"),
        value_type=settings.text("cache_type_v"),
        flash_attn=settings.text("flash_attn"),
        num_sequences=settings.optional_integer("sequences") or 1,
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
    num_layers = 0 if placement is None else placement.gpu_layers
    measured, plan_secs = _plan_secs(settings, card, is_on_gpu=num_layers != 0)
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
        gpu_layers=num_layers,
        sequences=_sequences(card, use, machine, placement=placement, is_mapped=is_mapped),
        fits=placement is not None,
        has_room=placement is not None and placement.has_room,
        first_bytes=need_of(card, _at_first(use)).total,
        plan_secs=plan_secs,
        measured=measured,
    )
    return fit, refusal


def _sequences(
    card: ModelCard, use: Use, machine: Machine, *, placement: Placement | None, is_mapped: bool
) -> int:
    """Return how many plans a load would let be written at once: as many as asked for, or as fit."""
    if placement is None or use.num_sequences > 1:
        return use.num_sequences
    return most_sequences(card, use, machine, placement=placement, is_mapped=is_mapped)


def _plan_secs(
    settings: Settings, card: ModelCard, *, is_on_gpu: bool
) -> tuple[Measurement | None, float | None]:
    """Return what was measured of a file here, and the seconds of a plan."""
    measurements = Measurements(settings.home)
    devices = [name for name in BACKENDS if name != "cpu"] if is_on_gpu else ["cpu"]
    known = (measurements.of(card.files[0], device=device) for device in devices)
    measured = next((each for each in known if each is not None), None)
    if measured is not None:
        return measured, measured.plan_secs
    if card.num_experts:
        return None, None
    speed = _estimated(card, is_on_gpu=is_on_gpu)
    return None, (speed if is_on_gpu else speed.times(calibration(measurements.all()))).plan_secs


def _estimated(card: ModelCard, *, is_on_gpu: bool) -> Speed:
    if is_on_gpu:
        return gpu_speed(active_parameters=card.num_parameters, active_bytes=card.size_bytes, is_shared=False)
    return cpu_speed(active_parameters=card.num_parameters, active_bytes=card.size_bytes, cores=usable_cpus())


def _at_first(use: Use) -> Use:
    return replace(use, context_length=min(use.context_length, FIRST_CONTEXT_LENGTH), num_sequences=1)


def _by_context_length(card: ModelCard, use: Use, *, trained: int) -> dict[int, int]:
    """Return the bytes needed by the length of the context, up to the one that the model was trained for."""
    lengths = [length for length in _CONTEXTS if length <= trained] or [trained]
    return {length: need_of(card, replace(use, context_length=length)).total for length in lengths}
