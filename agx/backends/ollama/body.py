"""From a request to what Ollama is asked, by Ollama's names."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from agx.backends.ollama.context import context_size
from agx.backends.ollama.model import OllamaModel
from agx.backends.ollama.spec import OllamaSpec
from agx.backends.parameter_names import PARAMETER_NAMES
from agx.backends.portable_schema import portable_schema
from agx.errors import Unsupported, UsageError
from agx.requests import GenerationRequest, Message

# Fields of /api/chat that stand beside `options`; any other extra field is one of these options.
_FIELDS = frozenset({"format", "keep_alive", "logprobs", "options", "think", "top_logprobs"})


def chat_body(
    spec: OllamaSpec,
    request: GenerationRequest,
    model: OllamaModel,
    *,
    seed: int,
    portable: Callable[[Mapping[str, Any]], dict[str, Any]] = portable_schema,
) -> dict[str, Any]:
    """Return the body of /api/chat, with the schema as `portable` makes it.

    Raises `Unsupported` for a grammar, and what `context_size` raises.
    """
    if request.grammar is not None:
        raise Unsupported(
            "Ollama holds a text to a JSON Schema and to no other grammar", hint="use the dialect json"
        )
    if not model.writes_text:
        raise Unsupported(f"{spec.model} makes embeddings, and no text", hint="plan with another model")
    thinks = model.thinks and bool(request.reasoning_tokens)
    answer_tokens = request.parameters.max_tokens + (request.reasoning_tokens or 0 if thinks else 0)
    body: dict[str, Any] = {
        "model": spec.model,
        "messages": list(map(_message, request.messages)),
        "tools": list(request.tools) if _may_call(request) else None,
        "options": _options(request, seed=seed, num_predict=answer_tokens)
        | {
            "num_ctx": context_size(
                request.messages,
                answer_tokens=answer_tokens,
                asked=spec.context_size,
                context_length=model.context_length,
            )
        },
        "format": None if request.schema is None else portable(_schema(request.schema)),
        # A model that does not know thinking refuses even to be told not to.
        "think": thinks if model.thinks else None,
        "keep_alive": spec.keep_alive,
        "stream": True,
    }
    said = {name: value for name, value in body.items() if value is not None}
    for name, value in request.extra.items():
        if name in _FIELDS:
            said[name] = value
        else:
            said["options"][name] = value
    return said


def _may_call(request: GenerationRequest) -> bool:
    return bool(request.tools) and request.schema is None


def _message(message: Message) -> dict[str, Any]:
    """Return a message as Ollama takes it: the arguments of calls are objects, and results name the tool."""
    data: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        data["tool_calls"] = [
            {"function": {"name": call.name, "arguments": dict(call.arguments)}}
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        data["tool_call_id"] = message.tool_call_id
    return data


def _options(request: GenerationRequest, *, seed: int, num_predict: int) -> dict[str, Any]:
    values = asdict(request.parameters) | {"max_tokens": num_predict}
    options = {names.ollama: values[name] for name, names in PARAMETER_NAMES.items() if names.ollama}
    return options | {"seed": seed} | ({"stop": list(request.stop)} if request.stop else {})


def _schema(schema: Mapping[str, Any] | str) -> Mapping[str, Any]:
    """Return a schema as data; raises `UsageError` for a text that is no JSON object."""
    if not isinstance(schema, str):
        return schema
    try:
        data = json.loads(schema)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the schema cannot be sent: {error}", hint="give a JSON Schema") from None
    if not isinstance(data, dict):
        raise UsageError("the schema is no JSON object", hint="give a JSON Schema")
    return data
