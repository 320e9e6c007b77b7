"""From a request to the JSON body of a chat completion, for a server with given abilities."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from agx.backends.chat_messages import as_openai
from agx.backends.openai.abilities import Abilities, Flavour, Form
from agx.backends.openai.spec import OpenAISpec
from agx.backends.parameter_names import PARAMETER_NAMES
from agx.backends.portable_schema import portable_schema
from agx.errors import UsageError
from agx.requests import GenerationRequest, Message, Parameters

ANSWER_NAME = "answer"
# A schema for hundreds of tools is longer than many contexts; the plan's prompt says the form anyway.
_MAX_SCHEMA_CHARS = 6000
_ALWAYS = frozenset({"temperature", "top_p"})
_LLAMA = frozenset({Flavour.LLAMA_SERVER, Flavour.LLAMA_CPP_PYTHON})
_TEMPLATED = frozenset({Flavour.LLAMA_SERVER, Flavour.VLLM})


def chat_body(
    spec: OpenAISpec,
    request: GenerationRequest,
    abilities: Abilities,
    *,
    seed: int,
    portable: Callable[[Mapping[str, Any]], dict[str, Any]] = portable_schema,
) -> dict[str, Any]:
    """Return the body, with the schema as `portable` makes it.

    What the specification adds wins over that, and what the request adds over both.
    """
    given = schema_of(request)
    schema = None if given is None else portable(given)
    body: dict[str, Any] = {
        "model": spec.model,
        "messages": _messages(request.messages, schema, abilities.form),
        "stream": True,
        "stream_options": {"include_usage": True},
        "seed": seed,
        abilities.budget_field: request.parameters.max_tokens,
    }
    body |= sampling(request.parameters, abilities.flavour)
    if request.stop:
        body["stop"] = list(request.stop)
    if schema is not None:
        body |= _constraint(schema, abilities.form)
    elif request.tools:
        body["tools"] = list(request.tools)
    if request.reasoning_tokens == 0 and abilities.flavour in _TEMPLATED:
        body["chat_template_kwargs"] = {"enable_thinking": False}
    sent = {name: value for name, value in body.items() if name not in abilities.dropped}
    return sent | dict(spec.endpoint.extra_body) | dict(request.extra)


def schema_of(request: GenerationRequest) -> Mapping[str, Any] | None:
    """Return the request's schema as data; raises `UsageError` for a text that is no JSON object."""
    if not isinstance(request.schema, str):
        return request.schema
    try:
        schema = json.loads(request.schema)
    except ValueError as error:
        raise UsageError(f"the schema is not JSON: {error}", hint="give a JSON Schema") from None
    if not isinstance(schema, dict):
        raise UsageError("the schema is no JSON object", hint="give a JSON Schema")
    return schema


def sampling(parameters: Parameters, flavour: Flavour) -> dict[str, Any]:
    """Return how tokens are drawn, by the server's names.

    OpenAI's API knows few of the parameters. llama.cpp's servers are told what is off, too: their own
    defaults cut off. Of any other server the rest is asked only where it was set, and a server that refuses
    one is asked without it, which is said.
    """
    values = asdict(parameters)
    body: dict[str, Any] = {}
    for name, names in PARAMETER_NAMES.items():
        value = values[name]
        is_asked = name in _ALWAYS or flavour in _LLAMA or value != names.off
        if name == "max_tokens" or not is_asked:
            continue
        if flavour is not Flavour.VLLM:
            body[name] = value
        if flavour in {Flavour.VLLM, Flavour.UNKNOWN}:
            body[names.vllm] = value
    return body


def _messages(
    messages: tuple[Message, ...], schema: Mapping[str, Any] | None, form: Form
) -> list[dict[str, Any]]:
    said = list(map(as_openai, messages))
    if schema is None or form not in {Form.JSON_OBJECT, Form.PROMPT}:
        return said
    words = "Answer with one JSON object and nothing else."
    text = json.dumps(schema, separators=(",", ":"))
    if len(text) <= _MAX_SCHEMA_CHARS:
        words += f" It fits this JSON Schema:\n{text}"
    if said and said[0]["role"] == "system":
        return [{"role": "system", "content": f"{said[0]['content']}\n\n{words}"}, *said[1:]]
    return [{"role": "system", "content": words}, *said]


def _constraint(schema: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """Return the fields that say a schema in a form; none where words have to do."""
    named = {"name": ANSWER_NAME, "schema": schema}
    fields: dict[Form, dict[str, Any]] = {
        Form.STRICT_SCHEMA: _response_format("json_schema", json_schema=named | {"strict": True}),
        Form.SCHEMA: _response_format("json_schema", json_schema=named | {"strict": False}),
        Form.STRUCTURED_OUTPUTS: {"structured_outputs": {"json": schema}},
        Form.GUIDED_JSON: {"guided_json": schema},
        Form.JSON_SCHEMA_FIELD: {"json_schema": schema},
        Form.JSON_OBJECT_SCHEMA: _response_format("json_object", schema=schema),
        Form.TOOL: _tool(schema),
        Form.JSON_OBJECT: _response_format("json_object"),
        Form.PROMPT: {},
    }
    return fields[form]


def _response_format(kind: str, **more: object) -> dict[str, Any]:
    return {"response_format": {"type": kind, **more}}


def _tool(schema: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": ANSWER_NAME, "description": "Gives the answer.", "parameters": schema}
    return {
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": ANSWER_NAME}},
    }
