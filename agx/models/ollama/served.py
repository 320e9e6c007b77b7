"""The models of a running Ollama server, as `agx models list` shows them beside the files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from agx.errors import AgxError
from agx.models.library import ListedModel
from agx.models.ollama.api import OllamaApi
from agx.models.ollama.host import ollama_url
from agx.models.resolve import OLLAMA

# A list is no place to wait: a server that is there answers at once.
_CONNECT_SECS, _ANSWER_SECS = 0.5, 2.0


def with_served(models: Iterable[ListedModel]) -> list[ListedModel]:
    """Return the models with those that the server at `OLLAMA_HOST` has and no folder of this machine.

    A server that is down, slow or none of Ollama's adds nothing.
    """
    known = list(models)
    names = {model.name for model in known}
    with suppress(AgxError):
        url = ollama_url(os.environ)
        with OllamaApi(url, answer_secs=_ANSWER_SECS, connect_secs=_CONNECT_SECS) as api:
            served = map(_listed, api.models())
            known += [model for model in served if model.name not in names]
    return known


def _listed(said: Mapping[str, Any]) -> ListedModel:
    size = said.get("size")
    return ListedModel(
        f"{OLLAMA}{said['name']}",
        "ollama",
        files=(),
        size_bytes=size if isinstance(size, int) and size >= 0 else None,
        source="the Ollama server",
    )
