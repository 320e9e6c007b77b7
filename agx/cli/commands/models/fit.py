"""`agx models fit`: how much memory a model needs, and whether this machine has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from agx.app.places import model_file
from agx.cli.shared_options import App, GivenSettings, debug_option, json_option, setting_options
from agx.cli.show.output import write_result
from agx.util.texts import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agx.app.fit import Fit

EPILOG = """\b
Examples:
  agx models fit agx-nano
  agx models fit model.gguf --context-size 32768 --cache-type-k q8_0
  agx models fit model.gguf --json | jq .longest_context

The estimate: the weights as they lie in the file, the key-value cache for one plan, and the buffers of
one batch. What `agx models bench` measured of the file is said to be measured. The exit code is 4 where
the model does not fit.
"""


@click.command(epilog=EPILOG, short_help="Estimate the memory a model needs.")
@click.argument("model")
@json_option
@setting_options
@debug_option
@click.pass_obj
def fit(app: App, /, *, model: str, as_json: bool, given: GivenSettings) -> int:
    """Estimate the memory that MODEL needs, and say whether this machine has it."""
    from agx.app.fit import fit_of
    from agx.gguf.card import read_card
    from agx.gguf.purpose import check_purpose

    settings = given.read(app.notes)
    card = read_card(model_file(settings, model))
    check_purpose(card.path, card.purpose)
    estimate, refusal = fit_of(settings, card)
    write_result(json.dumps(estimate.as_dict(), indent=2) if as_json else "\n".join(_lines(estimate)))
    if refusal is not None:
        raise refusal
    return 0


def _lines(fit: Fit) -> Iterator[str]:
    yield f"{visible(fit.name)} with a context of {fit.context_length:,} tokens"
    yield f"  weights  {_size(fit.weights_bytes)}"
    yield f"  cache    {_size(fit.cache_bytes)}"
    yield f"  compute  {_size(fit.compute_bytes)}"
    yield f"  in all   {_size(fit.total_bytes)}"
    yield f"  at first {_size(fit.first_bytes)}, before the context has grown"
    if fit.measured is not None and fit.measured.memory_bytes is not None:
        yield f"  measured {_size(fit.measured.memory_bytes)}, after five plans"
    for length, total in fit.by_context_length.items():
        yield f"with {length:>7,} tokens  {_size(total)}"
    if fit.host_free_bytes is not None:
        yield f"memory free here     {_size(fit.host_free_bytes)}"
        yield f"longest context here {fit.longest_context:>8,} tokens"
    if fit.gpu_free_bytes is not None:
        layers = "all" if fit.gpu_layers < 0 else fit.gpu_layers
        yield f"memory free on GPUs  {_size(fit.gpu_free_bytes)}"
        yield f"layers on GPUs       {layers:>10}"
    if fit.fits:
        yield f"plans at once        {fit.sequences:>10}"
    if fit.plan_secs is not None:
        origin = "estimated; `agx models bench` measures it" if fit.measured is None else "measured"
        yield f"a plan takes about  {fit.plan_secs:10.2g} s ({origin})"
    if not fit.fits:
        yield "it does not fit here"
    else:
        yield "it fits here" + ("" if fit.has_room else ", with its weights left in the file")


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:>10,.1f} MB"
