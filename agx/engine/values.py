"""The frozen values that cross the engine's border: options, requests, parameters and events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from agx.errors import AgxError, ConfigError

FinishReason = Literal["stop", "length", "cancelled"]
Stage = Literal["idle", "prefill", "generating"]
# llama.cpp takes the largest number of 32 bits as "draw a seed", which could not be reported.
MAX_SEED = 2**32 - 2
# What a model may think that cannot answer at once, where nobody says how much.
DEFAULT_REASONING_TOKENS = 512
MAX_REASONING_TOKENS = 1 << 17
_LARGEST_INT = 2**31 - 1
# Whole numbers have whole bounds.
_RANGES: Mapping[str, tuple[float, float]] = {
    "temperature": (0.0, 100.0),
    "top_k": (0, _LARGEST_INT),
    "top_p": (0.0, 1.0),
    "min_p": (0.0, 1.0),
    "repeat_penalty": (0.01, 100.0),
    "max_tokens": (1, _LARGEST_INT),
}


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How a model is loaded. None leaves it to the engine; `gpu_layers` counts from the output.

    `flash_attn` is auto, on or off; the cache types are ggml's names, such as f16 or q8_0.
    `chat_template` is the text of a template that takes the place of the model's own.
    """

    device: str = "auto"
    context_size: int | None = None
    threads: int | None = None
    gpu_layers: int | None = None
    flash_attn: str = "auto"
    cache_type_k: str = "f16"
    cache_type_v: str = "f16"
    mlock: bool = False
    mmap: bool = True
    chat_template: str | None = None


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """One generation: messages are mappings with `role` and `content`, `schema` None is free text.

    A schema that is JSON text already is compared and compiled as it is, without being written again.
    `parameters` has the fields of `Parameters`. `seed` None is a fresh one, which the usage reports.
    `deadline_secs` counts from `Engine.start`. `tools` are functions in OpenAI's form, for templates
    that write tools into the prompt; `tools_text` is the part of the system's text that lists them for
    all others. `reasoning_tokens` is how much the model may think before the schema begins to hold:
    0 is nothing, None what suits the model. Thoughts do not count for `max_tokens`. A greedy
    generation departs from `draft` only for a token whose logit is more than `draft_margin` above that
    of the draft's token.
    """

    messages: tuple[Mapping[str, str], ...]
    schema: Mapping[str, Any] | str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    deadline_secs: float | None = None
    reasoning_tokens: int | None = 0
    draft: str | None = None
    draft_margin: float = 0.0
    tools: tuple[Mapping[str, Any], ...] = ()
    tools_text: str = ""


@dataclass(frozen=True, slots=True)
class Parameters:
    """How tokens are drawn. Temperature 0 is greedy; `top_k` 0, `top_p` 1, `min_p` 0 turn each off.

    `repeat_penalty` (1 is off) divides the logits of what was generated lately; it leaves the prompt
    alone, whose names a plan has to repeat.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repeat_penalty: float = 1.0
    max_tokens: int = 512

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Make parameters of a mapping; raises `ConfigError` for an unknown key or a value out of range."""
        for name, value in data.items():
            if name not in _RANGES:
                raise ConfigError(f"no parameter is called {name!r}", hint=f"known are {', '.join(_RANGES)}")
            low, high = _RANGES[name]
            allowed = int if isinstance(low, int) else (int, float)
            is_number = isinstance(value, allowed) and not isinstance(value, bool)
            if not is_number or not low <= value <= high:
                hint = f"use a number from {low} to {high}"
                raise ConfigError(f"{name} = {value!r} cannot be used", hint=hint)
        return cls(**data)

    @property
    def is_greedy(self) -> bool:
        """Whether the most likely token is always taken."""
        return self.temperature == 0.0 or self.top_k == 1

    @property
    def truncates(self) -> bool:
        """Whether some tokens are cut off before one is drawn."""
        return not self.is_greedy and (self.top_k > 0 or self.top_p < 1.0 or self.min_p > 0.0)


@dataclass(frozen=True, slots=True)
class TextEvent:
    """A piece of text of a running generation: of the answer, or of the thoughts before it."""

    request_id: int
    text: str
    is_reasoning: bool = False


@dataclass(frozen=True, slots=True)
class DoneEvent:
    """The end of a generation.

    `usage` has prompt, completion, reasoning and forced tokens, seed and timings; the completion's are
    all that were generated, the thoughts' among them.
    """

    request_id: int
    finish_reason: FinishReason
    usage: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """The end of a generation that failed."""

    request_id: int
    error: AgxError


Event = TextEvent | DoneEvent | ErrorEvent


def checked_reasoning(num_tokens: int | None) -> int | None:
    """Return a budget for thinking back; raises `ConfigError` out of range."""
    if num_tokens is None or (type(num_tokens) is int and 0 <= num_tokens <= MAX_REASONING_TOKENS):
        return num_tokens
    hint = f"use a whole number from 0 to {MAX_REASONING_TOKENS}"
    raise ConfigError(f"{num_tokens!r} tokens for thinking cannot be used", hint=hint)


def checked_seed(seed: int | None, *, fresh: int) -> int:
    """Return the seed to use: the one asked for, or `fresh`; raises `ConfigError` out of range."""
    if seed is None:
        return fresh
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        hint = f"use a whole number from 0 to {MAX_SEED}"
        raise ConfigError(f"the seed {seed!r} cannot be used", hint=hint)
    return seed
