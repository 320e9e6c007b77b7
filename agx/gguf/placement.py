"""Where a model goes: which device, how many layers on a GPU, and whether all of it fits. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agx.errors import ConfigError, DeviceUnavailable, ModelTooLarge
from agx.gguf.card import ModelCard
from agx.gguf.memory import MOST_SEQUENCES, Need, Use, need_of
from agx.util.frozen import dataclass

ALL_LAYERS = -1
# The devices of the setting and their ggml backends, in the order that "auto" tries them.
BACKENDS = {"cuda": ("CUDA",), "metal": ("MTL", "Metal"), "cpu": ("CPU",)}
_CONTEXT_STEP = 256


@dataclass(frozen=True, slots=True)
class Machine:
    """The memory of a machine in bytes: of the GPUs together, and of the host, free now and in all.

    None: the system does not say, so nothing is refused.
    """

    gpu_free: int | None = None
    host_free: int | None = None
    host_total: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """The decision: layers on the GPU (-1 for all), and the estimate behind it.

    `has_room`: the host can hold all of its part at once. Otherwise the weights must stay in the mapped
    file, and may not be copied.
    """

    gpu_layers: int
    need: Need
    has_room: bool = True


def choose_device(name: str, listed: Sequence[str], *, compiled: Sequence[str]) -> str:
    """Return the device that a setting means: cuda, metal or cpu.

    `listed` are the backends of the devices that ggml lists, `compiled` those that it was built with.
    Raises `DeviceUnavailable`, which says whether the build or the machine lacks it, and `ConfigError`
    for any other name.
    """
    if name not in {"auto", *BACKENDS}:
        raise ConfigError(f"no device is called {name!r}", hint="use auto, cuda, metal or cpu")
    for known in BACKENDS if name == "auto" else (name,):
        if known == "cpu" or any(backend in listed for backend in BACKENDS[known]):
            return known
    if not any(backend in compiled for backend in BACKENDS[name]):
        raise DeviceUnavailable(
            f"this build of llama.cpp has no {name} backend (it has {', '.join(compiled)})",
            hint="set AGX_DEVICE=cpu, or install llama-cpp-python compiled for that device",
        )
    raise DeviceUnavailable(
        f"this machine has no {name} device that llama.cpp can use",
        hint="set AGX_DEVICE=cpu or auto, or check the driver",
    )


def place(
    card: ModelCard, use: Use, machine: Machine, *, gpu_layers: int | None, is_mapped: bool
) -> Placement:
    """Return the placement: as many layers on the GPU as fit, unless `gpu_layers` says how many.

    Raises `ModelTooLarge`, with the numbers, where the model does not fit.
    """
    need = need_of(card, use)
    chosen, fitting = _gpu_layers(need, machine, gpu_layers)
    if chosen > fitting:
        raise _too_large_for_gpu(card, need, machine, chosen=chosen, fitting=fitting)
    if not _fits_host(need, machine, gpu_layers=chosen, is_mapped=is_mapped):
        longest = longest_context(
            card, use, machine, gpu_layers=gpu_layers, is_mapped=is_mapped, at_most=use.context_length
        )
        raise _too_large_for_host(card, use, machine, need=need, gpu_layers=chosen, longest=longest)
    has_room = _fits_host(need, machine, gpu_layers=chosen, is_mapped=False)
    return Placement(ALL_LAYERS if chosen > len(need.layers) else chosen, need, has_room)


def longest_context(  # noqa: PLR0913 - what `place` takes, and a bound
    card: ModelCard,
    use: Use,
    machine: Machine,
    *,
    gpu_layers: int | None,
    is_mapped: bool,
    at_most: int,
) -> int:
    """Return the longest context with which the model fits: `at_most`, or a multiple of 256; 0 for none."""

    def fits(length: int) -> bool:
        need = need_of(card, replace(use, context_length=length))
        chosen, fitting = _gpu_layers(need, machine, gpu_layers)
        return chosen <= fitting and _fits_host(need, machine, gpu_layers=chosen, is_mapped=is_mapped)

    if fits(at_most):
        return at_most
    low, high = 0, at_most // _CONTEXT_STEP
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle * _CONTEXT_STEP) else (low, middle - 1)
    return low * _CONTEXT_STEP


def most_sequences(
    card: ModelCard, use: Use, machine: Machine, *, placement: Placement, is_mapped: bool
) -> int:
    """Return how many sequences fit beside the layers as they are placed: 1 to `MOST_SEQUENCES`.

    A recurrent model has one: each state takes its memory whether it is used or not.
    """
    if card.is_recurrent:
        return 1
    layers = placement.gpu_layers
    is_mapped = is_mapped and not placement.has_room

    def fits(number: int) -> bool:
        need = need_of(card, replace(use, num_sequences=number))
        on_gpu = len(need.layers) + 1 if layers == ALL_LAYERS else layers
        fits_gpu = machine.gpu_free is None or need.on_gpu(on_gpu) <= machine.gpu_free
        return fits_gpu and _fits_host(need, machine, gpu_layers=on_gpu, is_mapped=is_mapped)

    return next((number for number in range(MOST_SEQUENCES, 1, -1) if fits(number)), 1)


def _gpu_layers(need: Need, machine: Machine, asked: int | None) -> tuple[int, int]:
    """Return how many layers should go to the GPU, and how many fit; the output counts as one more."""
    if machine.gpu_free is None:
        return 0, 0
    fitting = need.gpu_layers(machine.gpu_free)
    return (fitting if asked is None else min(asked, len(need.layers) + 1)), fitting


def _fits_host(need: Need, machine: Machine, *, gpu_layers: int, is_mapped: bool) -> bool:
    """Return whether the host holds its part; mapped weights need not all be in memory at once."""
    if machine.host_free is None or machine.host_total is None:
        return True
    on_host = max(0, need.total - need.on_gpu(gpu_layers))
    held = min(on_host, need.held_on_host(gpu_layers)) if is_mapped else on_host
    return held <= machine.host_free and on_host <= machine.host_total


def _too_large_for_gpu(
    card: ModelCard, need: Need, machine: Machine, *, chosen: int, fitting: int
) -> ModelTooLarge:
    assert machine.gpu_free is not None
    needed = need.on_gpu(chosen)
    return ModelTooLarge(
        f"{chosen} layers of {card.name} need {size_text(needed)} on the GPU, "
        f"and {size_text(machine.gpu_free)} are free there",
        hint=f"set AGX_GPU_LAYERS to {fitting} or less, or leave it out",
        needed_bytes=needed,
        free_bytes=machine.gpu_free,
    )


def _too_large_for_host(  # noqa: PLR0913 - each is a number of the message
    card: ModelCard, use: Use, machine: Machine, *, need: Need, gpu_layers: int, longest: int
) -> ModelTooLarge:
    assert machine.host_free is not None
    assert machine.host_total is not None
    on_host = max(0, need.total - need.on_gpu(gpu_layers))
    shorter = f"set AGX_CONTEXT_SIZE to {longest} or less" if longest else "use a smaller model"
    return ModelTooLarge(
        f"{card.name} needs {size_text(on_host)} of memory with a context of {use.context_length:,} tokens "
        f"(weights {size_text(need.weights)}, cache {size_text(need.cache)}, "
        f"buffers {size_text(need.compute)}), and {size_text(machine.host_free)} of "
        f"{size_text(machine.host_total)} are free",
        hint=f"{shorter}; `agx models fit` shows what would fit",
        needed_bytes=on_host,
        free_bytes=machine.host_free,
    )


def size_text(size_bytes: int) -> str:
    """Return a size as text: in GB with one decimal, below 100 MB in MB."""
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 10**8 else f"{size_bytes / 1e6:.1f} MB"
