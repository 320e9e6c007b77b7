"""`agx models fit`: how much memory a model needs, and whether this machine has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from agx.cli.models.show import model_file
from agx.cli.options import App, debug_option, setting_options, settings_of
from agx.cli.output import write_result
from agx.cli.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agx.errors import ModelTooLarge
    from agx.gguf.card import ModelCard
    from agx.gguf.fit import Use
    from agx.gguf.placement import Machine
    from agx.settings.layers import Settings

EPILOG = """\b
Examples:
  agx models fit agx-nano
  agx models fit model.gguf --context-size 32768 --cache-type-k q8_0
  agx models fit model.gguf --json | jq .longest_context

The estimate: the weights as they lie in the file, the key-value cache for one plan, and the buffers of
one batch. The exit code is 4 where the model does not fit.
"""
_CONTEXTS = (2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072)


@click.command(epilog=EPILOG, short_help="Estimate the memory a model needs.")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; errors are JSON, too.")
@setting_options
@debug_option
@click.pass_obj
def fit(app: App, /, *, model: str, as_json: bool, **options: str | None) -> int:
    """Estimate the memory that MODEL needs, and say whether this machine has it."""
    from agx.gguf import read_card  # noqa: PLC0415  not for --help

    settings = settings_of(app, options)
    card = read_card(model_file(settings, model))
    use, machine = _use(settings, card), machine_memory(settings)
    placed, refusal = _placed(settings, card, use, machine)
    facts = _facts(card, use, machine) | placed
    write_result(json.dumps(facts, indent=2) if as_json else "\n".join(_lines(facts)))
    if refusal is not None:
        raise refusal
    return 0


def machine_memory(settings: Settings) -> Machine:
    """Return the memory of this machine and of the GPUs that these settings use."""
    from agx.gguf.placement import BACKENDS, Machine, choose_device  # noqa: PLC0415  not for --help
    from agx.util.machine import memory_bytes  # noqa: PLC0415
    from agx.worker.survey import survey  # noqa: PLC0415

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


def _use(settings: Settings, card: ModelCard) -> Use:
    from agx.gguf.fit import use_of  # noqa: PLC0415  not for --help

    return use_of(
        card,
        context_size=settings.optional_integer("context_size"),
        key_type=settings.text("cache_type_k"),
        value_type=settings.text("cache_type_v"),
        flash_attn=settings.text("flash_attn"),
    )


def _placed(
    settings: Settings, card: ModelCard, use: Use, machine: Machine
) -> tuple[dict[str, Any], ModelTooLarge | None]:
    """Return what a load would decide, and why it would refuse."""
    from agx.errors import ModelTooLarge  # noqa: PLC0415  not for --help
    from agx.gguf.placement import longest_context, place  # noqa: PLC0415

    layers = settings.optional_integer("gpu_layers")
    is_mapped = settings.text("mmap") == "on" and settings.text("mlock") == "off"
    trained = card.context_length or use.context_length
    longest = longest_context(card, use, machine, gpu_layers=layers, is_mapped=is_mapped, at_most=trained)
    facts = {"longest_context": None if machine.host_free is None else longest}
    try:
        placement = place(card, use, machine, gpu_layers=layers, is_mapped=is_mapped)
    except ModelTooLarge as refusal:
        return facts | {"gpu_layers": 0, "fits": False, "has_room": False}, refusal
    return facts | {"gpu_layers": placement.gpu_layers, "fits": True, "has_room": placement.has_room}, None


def _facts(card: ModelCard, use: Use, machine: Machine) -> dict[str, Any]:
    from dataclasses import replace  # noqa: PLC0415  not for --help

    from agx.gguf.fit import need_of  # noqa: PLC0415

    need = need_of(card, use)
    trained = card.context_length or use.context_length
    lengths = [length for length in _CONTEXTS if length <= trained] or [trained]
    return {
        "name": card.name,
        "context_length": use.context_length,
        "weights_bytes": need.weights,
        "cache_bytes": need.cache,
        "compute_bytes": need.compute,
        "total_bytes": need.total,
        "by_context_length": {
            length: need_of(card, replace(use, context_length=length)).total for length in lengths
        },
        "host_free_bytes": machine.host_free,
        "gpu_free_bytes": machine.gpu_free,
    }


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    yield f"{visible(facts['name'])} with a context of {facts['context_length']:,} tokens"
    for name in ("weights", "cache", "compute"):
        yield f"  {name:8} {_size(facts[f'{name}_bytes'])}"
    yield f"  {'in all':8} {_size(facts['total_bytes'])}"
    for length, total in facts["by_context_length"].items():
        yield f"with {length:>7,} tokens  {_size(total)}"
    if facts["host_free_bytes"] is not None:
        yield f"memory free here     {_size(facts['host_free_bytes'])}"
        yield f"longest context here {facts['longest_context']:>8,} tokens"
    if facts["gpu_free_bytes"] is not None:
        layers = "all" if facts["gpu_layers"] < 0 else facts["gpu_layers"]
        yield f"memory free on GPUs  {_size(facts['gpu_free_bytes'])}"
        yield f"layers on GPUs       {layers:>10}"
    if not facts["fits"]:
        yield "it does not fit here"
    else:
        yield "it fits here" + ("" if facts["has_room"] else ", with its weights left in the file")


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:>10,.1f} MB"
