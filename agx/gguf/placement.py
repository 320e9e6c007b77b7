"""Where a model goes: how many layers to the GPU, and whether all of it fits. Pure: no llama.cpp here."""

from __future__ import annotations

from dataclasses import dataclass

from agx.errors import ModelTooLarge
from agx.gguf.card import ModelCard
from agx.gguf.fit import Need, Use, longest_context, need_of

ALL_LAYERS = -1


@dataclass(frozen=True, slots=True)
class Machine:
    """What memory there is, in bytes: of the GPUs together, and of the host, free now and in all.

    None: the system does not say, and nothing is refused for it.
    """

    gpu_free: int | None = None
    host_free: int | None = None
    host_total: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """What was decided: layers on the GPU (-1 for all), and the estimate that it rests on."""

    gpu_layers: int
    need: Need


def place(
    card: ModelCard, use: Use, machine: Machine, *, gpu_layers: int | None, is_mapped: bool
) -> Placement:
    """Choose the number of layers on the GPU, as many as fit where `gpu_layers` is None.

    Raises `ModelTooLarge` for what cannot fit, with the numbers.
    """
    need = need_of(card, use)
    wanted = _gpu_layers(card, need, machine, gpu_layers)
    on_gpu = need.on_gpu(len(need.layers) + 1 if wanted == ALL_LAYERS else wanted)
    _check_host(card, use, machine, need=need, on_gpu=on_gpu, is_mapped=is_mapped)
    return Placement(wanted, need)


def _gpu_layers(card: ModelCard, need: Need, machine: Machine, gpu_layers: int | None) -> int:
    if machine.gpu_free is None:
        return 0
    fitting = need.gpu_layers(machine.gpu_free)
    most = len(need.layers) + 1
    if gpu_layers is None:
        return ALL_LAYERS if fitting == most else fitting
    if min(gpu_layers, most) > fitting:
        needed = need.on_gpu(gpu_layers)
        raise ModelTooLarge(
            f"{min(gpu_layers, most)} layers of {card.name} need {_size(needed)} on the GPU, "
            f"and {_size(machine.gpu_free)} are free there",
            hint=f"set AGX_GPU_LAYERS to {fitting} or less, or leave it out",
            needed_bytes=needed,
            free_bytes=machine.gpu_free,
        )
    return ALL_LAYERS if gpu_layers >= most else gpu_layers


def _check_host(  # noqa: PLR0913 - each is a number of the comparison
    card: ModelCard, use: Use, machine: Machine, *, need: Need, on_gpu: int, is_mapped: bool
) -> None:
    """Refuse what the host's memory cannot hold. Weights that are mapped need not all be in it at once."""
    if machine.host_free is None or machine.host_total is None:
        return
    on_host = max(0, need.total - on_gpu)
    held = on_host - need.weights if is_mapped and not on_gpu else on_host
    if held <= machine.host_free and on_host <= machine.host_total:
        return
    longest = longest_context(card, use, machine.host_free + on_gpu, at_most=use.context_length)
    shorter = f"set AGX_CONTEXT_SIZE to {longest} or less" if longest else "use a smaller model"
    raise ModelTooLarge(
        f"{card.name} needs {_size(on_host)} of memory with a context of {use.context_length:,} tokens "
        f"(weights {_size(need.weights)}, cache {_size(need.cache)}, buffers {_size(need.compute)}), and "
        f"{_size(machine.host_free)} of {_size(machine.host_total)} are free",
        hint=f"{shorter}; `agx models fit` shows what would fit",
        needed_bytes=on_host,
        free_bytes=machine.host_free,
    )


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 10**8 else f"{size_bytes / 1e6:.1f} MB"
