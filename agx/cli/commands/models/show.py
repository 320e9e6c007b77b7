"""`agx models show`: a model's card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agx.app.places import model_file
from agx.cli.shared_options import App, GivenSettings, debug_option, json_option
from agx.cli.show.output import shown_json, write_result
from agx.util.texts import shortened, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agx.gguf.card import ModelCard

EPILOG = """\b
Examples:
  agx models show agx-nano
  agx models show model.gguf --json | jq .quantisation
"""
_MAX_VALUE_CHARS = 200


@click.command(epilog=EPILOG, short_help="Show what a model's file says of it.")
@click.argument("model")
@json_option
@debug_option
@click.pass_obj
def show(app: App, /, *, model: str, as_json: bool) -> None:
    """Print what the file of MODEL (a path, a name, ollama:NAME or agx-nano) says of it."""
    from agx.gguf.card import read_card

    card = read_card(model_file(GivenSettings().read(app.notes), model))
    problems = _template_problems(card)
    if as_json:
        write_result(shown_json(card.to_dict() | {"template_problems": problems}))
    else:
        rows = [(name, value) for name, value in _rows(card) if value]
        rows += [("template problem", _text(problem)) for problem in problems]
        width = max(len(name) for name, _ in rows)
        write_result("\n".join(f"{name:{width}}  {value}" for name, value in rows))


def _rows(card: ModelCard) -> Iterator[tuple[str, str]]:
    """Yield what a person wants to know, the empty where the file does not say."""
    layers = card.layers
    yield "name", _text(card.name)
    yield "purpose", _text(f"{card.purpose.text}: not for plans") if card.purpose.text else ""
    yield "architecture", _text(card.architecture)
    for path in card.files:
        yield "file", _text(str(path))
    yield "size", f"{card.size_bytes / 1e6:,.1f} MB"
    yield "parameters", f"{card.num_parameters:,}" if card.num_parameters else ""
    yield "size label", _text(card.size_label)
    yield "quantisation", _types(card)
    yield "context", f"{card.context_length:,} tokens" if card.context_length else ""
    yield "layers", str(layers.num_layers or "")
    yield "heads", _heads(card)
    yield "experts", f"{card.num_experts} ({card.num_experts_used} used)" if card.num_experts else ""
    yield "sliding window", f"{card.sliding_window:,} tokens" if card.sliding_window else ""
    yield "tokenizer", _text(" ".join(filter(None, (card.tokenizer, card.pre_tokenizer))))
    yield "vocabulary", f"{card.vocab_size:,} tokens" if card.vocab_size else ""
    yield "special tokens", ", ".join(f"{name} {number}" for name, number in card.special_tokens.items())
    yield "chat template", _template(card) if card.purpose.is_text else ""
    yield "sampling advice", _text(", ".join(f"{name} {value}" for name, value in card.sampling.items()))
    yield "licence", _text(card.licence)
    yield "source", _text(card.source)
    yield "plans with", _text(f"{card.planner_tools} tools") if card.planner_tools else ""


def _template_problems(card: ModelCard) -> list[str]:
    """Return what keeps the model's own chat template from writing some prompts, or all."""
    from agx.engine.chat.templates import ChatTemplate
    from agx.errors import TemplateError

    if card.chat_template is None or not card.purpose.is_text:
        return []
    try:
        missing = ChatTemplate(card.chat_template).missing
    except TemplateError as error:
        return [error.message]
    return [f"AGX does not have {each}" for each in missing]


def _text(text: str) -> str:
    return shortened(visible(text), _MAX_VALUE_CHARS)


def _types(card: ModelCard) -> str:
    total = card.num_parameters or 1
    return ", ".join(f"{name} {100 * count / total:.1f} %" for name, count in card.quantisation.items())


def _heads(card: ModelCard) -> str:
    layers = card.layers
    if not layers.num_heads:
        return ""
    kv_heads = sorted(set(layers.num_kv_heads))
    shared = f", {' or '.join(map(str, kv_heads))} for keys and values" if kv_heads else ""
    return f"{layers.num_heads} of {layers.key_width}{shared}"


def _template(card: ModelCard) -> str:
    if card.chat_template is None:
        return "none: prompts are written as ChatML"
    traits = card.template
    can = {"system messages": traits.has_system, "tools": traits.has_tools, "thinking": traits.thinks}
    return "of its own; " + (", ".join(name for name, is_there in can.items() if is_there) or "messages only")
