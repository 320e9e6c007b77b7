"""`agx models fit`: how much memory a model needs, and whether this machine has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from agx.app.places import model_file
from agx.cli.shared_options import App, GivenSettings, debug_option, json_option, setting_options
from agx.cli.show.output import write_result
from agx.util.texts import visible

if TYPE_CHECKING:
    from collections.abc import Iterator


EPILOG = """\b
Examples:
  agx models fit agx-nano
  agx models fit model.gguf --context-size 32768 --cache-type-k q8_0
  agx models fit model.gguf --json | jq .longest_context

The estimate: the weights as they lie in the file, the key-value cache for one plan, and the buffers of
one batch. The exit code is 4 where the model does not fit.
"""


@click.command(epilog=EPILOG, short_help="Estimate the memory a model needs.")
@click.argument("model")
@json_option
@setting_options
@debug_option
@click.pass_obj
def fit(app: App, /, *, model: str, as_json: bool, given: GivenSettings) -> int:
    """Estimate the memory that MODEL needs, and say whether this machine has it."""
    from agx.app.hardware import fit_facts
    from agx.gguf.card import read_card

    settings = given.read(app.notes)
    facts, refusal = fit_facts(settings, read_card(model_file(settings, model)))
    write_result(json.dumps(facts, indent=2) if as_json else "\n".join(_lines(facts)))
    if refusal is not None:
        raise refusal
    return 0


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
