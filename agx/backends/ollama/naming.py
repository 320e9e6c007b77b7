"""From a model as a person names it to the model and the server that Ollama is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agx.backends.ollama.spec import OllamaSpec
from agx.errors import ConfigError, UsageError
from agx.models.ollama.host import ollama_url
from agx.models.ollama.in_place import OllamaName
from agx.models.resolve import EMBEDDED, HUB, OLLAMA

_NAME_IT = "name one: --model ollama:NAME, or AGX_OLLAMA_MODEL; `ollama list` shows what there is"


def ollama_spec(  # noqa: PLR0913  what a person can say of it
    model: str,
    *,
    named: str | None,
    is_alone: bool,
    context_size: int | None,
    keep_alive: str | None,
    environ: Mapping[str, str],
) -> OllamaSpec:
    """Return the specification for a model as a person named it, with the server of `OLLAMA_HOST`.

    `named` is the model to ask for where `model` is not `ollama:NAME`. A backend that `is_alone` takes any
    other name as Ollama's, too. Raises `ConfigError` where no model or no server is named, and `UsageError`
    for a name that Ollama would not take.
    """
    name = _ollama_name(model, named=named, is_alone=is_alone)
    OllamaName.parse(name)
    return OllamaSpec(name, ollama_url(environ), context_size=context_size, keep_alive=_duration(keep_alive))


def _ollama_name(model: str, *, named: str | None, is_alone: bool) -> str:
    if model.startswith(OLLAMA):
        return model.removeprefix(OLLAMA)
    is_file = model.startswith(HUB) or Path(model).suffix.lower() == ".gguf" or model == EMBEDDED
    if is_alone and not is_file:
        return model
    if named is not None:
        return named.removeprefix(OLLAMA)
    if is_alone and model != EMBEDDED:
        raise UsageError(f"Ollama is not asked for the file {model[:120]!r}", hint=_NAME_IT)
    raise ConfigError("no model of Ollama's is named", hint=_NAME_IT)


def _duration(text: str | None) -> str | int | None:
    """Return a duration as Ollama reads it: a number of seconds is no text."""
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        return text
