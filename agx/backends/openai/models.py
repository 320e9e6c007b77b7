"""What a server says of its models: whose server it is, and how much fits into a context.

Sources: OpenAI's reference of `GET /models`; vLLM's `max_model_len`; llama-server's `GET /props`, which lies
beside `/v1`; LM Studio's and others' `context_length`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agx.backends.base import ModelFacts
from agx.backends.openai.abilities import Flavour, flavour_of
from agx.backends.openai.spec import OpenAISpec

_LENGTHS = ("max_model_len", "context_length", "context_window", "max_context_length")
# Those that batch as many requests as come; other servers take one after the other.
_BATCHING = {Flavour.OPENAI: 8, Flavour.VLLM: 8}


def listed_models(answer: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return the models that a server lists; none where the answer is no list."""
    models = answer.get("data")
    return tuple(each for each in models if isinstance(each, dict)) if isinstance(models, list) else ()


def flavour_by_models(
    spec: OpenAISpec, models: tuple[Mapping[str, Any], ...], headers: Mapping[str, str]
) -> Flavour:
    """Return whose server it is, by its models and the headers of the answer that lists them."""
    owners = frozenset(str(each.get("owned_by", "")) for each in models)
    return flavour_of(spec.endpoint.base_url, owners, headers.get("server", ""))


def props_url(spec: OpenAISpec) -> str:
    """Return where llama-server says how it was started."""
    return spec.endpoint.base_url.rstrip("/").removesuffix("/v1") + "/props"


def facts_of(
    spec: OpenAISpec,
    flavour: Flavour,
    models: tuple[Mapping[str, Any], ...],
    props: Mapping[str, Any],
) -> ModelFacts:
    """Return the facts of a model, of what the server says: `props` are llama-server's, and may be empty."""
    listed: Mapping[str, Any] = next((each for each in models if each.get("id") == spec.model), {})
    settings = props.get("default_generation_settings")
    in_props = settings.get("n_ctx") if isinstance(settings, dict) else None
    lengths = [in_props, *(listed.get(name) for name in _LENGTHS)]
    slots, build = props.get("total_slots"), props.get("build_info")
    return ModelFacts(
        name=spec.model,
        context_length=next((each for each in lengths if isinstance(each, int) and each > 0), None),
        sequences=slots if isinstance(slots, int) and slots > 0 else _BATCHING.get(flavour, 1),
        may_ignore_schema=True,
        calls_tools=True,
        build=f"{flavour.value} {build}" if isinstance(build, str) else None,
    )


def vectors_of(answer: Mapping[str, Any], *, count: int) -> list[list[float]] | None:
    """Return the vectors of an answer in the order of the texts; None where they are not `count` vectors."""
    data = answer.get("data")
    if not isinstance(data, list) or len(data) != count:
        return None
    by_place = {
        each.get("index", place): _vector(each.get("embedding"))
        for place, each in enumerate(data)
        if isinstance(each, dict)
    }
    vectors = [vector for place in range(count) if (vector := by_place.get(place))]
    return vectors if len(vectors) == count else None


def _vector(numbers: object) -> list[float]:
    """Return a vector; an empty one for what is none."""
    if not isinstance(numbers, list) or not all(isinstance(number, int | float) for number in numbers):
        return []
    return [float(number) for number in numbers]
