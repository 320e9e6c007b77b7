"""What both sides of the worker's pipe say, once: a load, a request, and what comes of it.

Little more than the standard library is used, so a program can start the worker with these values before it
imports anything else. Each number's range stands at its field: the settings are made from it, and
the engine checks it again, since not every caller comes through the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, field, fields, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from agx.errors import ConfigError
from agx.util.frozen import dataclass

FinishReason = Literal["stop", "length", "cancelled"]
ChatRole = Literal["system", "user", "assistant", "tool"]

# llama.cpp reads the largest 32-bit number as "draw a seed", which could not be reported.
MAX_SEED = 2**32 - 2
MAX_REASONING_TOKENS = 1 << 17
# The types that llama.cpp keeps a key-value cache in, by ggml's names.
CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")


class Range(NamedTuple):
    """The numbers a field takes: from `minimum`, or above `above`, up to `maximum`."""

    minimum: float | None
    maximum: float
    above: float | None = None

    def __contains__(self, number: object) -> bool:
        """Return whether a number is within; one that is not a number (nan) never is."""
        if not isinstance(number, int | float) or isinstance(number, bool):
            return False
        is_above = (self.minimum is None or number >= self.minimum) and (
            self.above is None or number > self.above
        )
        return is_above and number <= self.maximum

    def __str__(self) -> str:
        if self.above is not None:
            return f"above {self.above:g} and at most {self.maximum:.15g}"
        return f"from {self.minimum:g} to {self.maximum:.15g}"


def _number(
    default: float | None, *, minimum: float | None = None, maximum: float, above: float | None = None
) -> Any:  # noqa: ANN401  what `field` returns is any type
    return field(default=default, metadata={"range": Range(minimum, maximum, above)})


def _choice(default: str, choices: tuple[str, ...]) -> Any:  # noqa: ANN401  as above
    return field(default=default, metadata={"choices": choices})


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How a model is loaded. None leaves a number to model and machine.

    `context_size` is in tokens, `gpu_layers` counts the model's layers from the output, `sequences` the
    requests that are decoded together. `flash_attn` needs less memory; the cache types are ggml's names.
    `mlock` keeps the weights in memory; without `mmap` they are read into it instead of mapped.
    `chat_template` is the text of a template that takes the place of the model's own. `prompt_cache_mb`
    bounds, in 10^6 bytes, what is kept on disk of prompts that begin alike; 0 keeps nothing.
    """

    device: str = _choice("auto", ("auto", "cuda", "metal", "cpu"))
    context_size: int | None = _number(None, minimum=32, maximum=16_777_216)
    threads: int | None = _number(None, minimum=1, maximum=1024)
    gpu_layers: int | None = _number(None, minimum=0, maximum=9999)
    sequences: int | None = _number(None, minimum=1, maximum=64)
    flash_attn: str = _choice("auto", ("auto", "on", "off"))
    cache_type_k: str = _choice("f16", CACHE_TYPES)
    cache_type_v: str = _choice("f16", CACHE_TYPES)
    mlock: bool = False
    mmap: bool = True
    chat_template: str | None = None
    prompt_cache_mb: int = _number(500, minimum=0, maximum=1_000_000)


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """Which model a worker is started for, and how; `cache_dir` is where computed prompts are kept.

    With `embeds` it makes embeddings, and nothing else.
    """

    model: str
    options: LoadOptions = field(default_factory=LoadOptions)
    cache_dir: str | None = None
    embeds: bool = False

    def absolute(self) -> Self:
        """Return the same with the path made absolute, so that it holds in every current folder."""
        return replace(self, model=str(Path(self.model).absolute()))

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return _as_dict(self) | {"options": _as_dict(self.options)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the JSON form."""
        return cls(data["model"], LoadOptions(**data["options"]), data["cache_dir"], data["embeds"])


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's call of a tool: its name, and its arguments as an object. Its result refers to the `id`."""

    name: str
    arguments: Mapping[str, Any]
    id: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat.

    The model's own may have called tools (`tool_calls`). One of the role `tool` is what a call returned, and
    names it by `tool_call_id`.
    """

    role: ChatRole
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, without what it lacks."""
        data: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.tool_calls:
            data["tool_calls"] = [_as_dict(call) for call in self.tool_calls]
        if self.tool_call_id:
            data["tool_call_id"] = self.tool_call_id
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the JSON form."""
        calls = tuple(ToolCall(**call) for call in data.get("tool_calls", ()))
        return cls(**{**data, "tool_calls": calls})


@dataclass(frozen=True, slots=True)
class Parameters:
    """How tokens are drawn. The defaults are greedy.

    `temperature` 0 is greedy; `top_k` 0, `top_p` 1, `min_p` 0 and `repeat_penalty` 1 turn each off.
    `repeat_penalty` divides the logits of what was generated lately; it leaves the prompt alone, whose
    names a plan has to repeat. `presence_penalty` is taken from the logits of what was generated lately, and
    `frequency_penalty` as often as it was; 0 turns each off. `max_tokens` bounds what is generated.
    """

    temperature: float = _number(0.0, minimum=0, maximum=10)
    top_k: int = _number(0, minimum=0, maximum=1_000_000)
    top_p: float = _number(1.0, above=0, maximum=1)
    min_p: float = _number(0.0, minimum=0, maximum=1)
    repeat_penalty: float = _number(1.0, above=0, maximum=10)
    presence_penalty: float = _number(0.0, minimum=-2, maximum=2)
    frequency_penalty: float = _number(0.0, minimum=-2, maximum=2)
    max_tokens: int = _number(512, minimum=1, maximum=131_072)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Make parameters of a mapping; raises `ConfigError` for an unknown key or a value out of range."""
        known = {each.name for each in fields(cls)}
        for name in data:
            if name not in known:
                raise ConfigError(
                    f"no parameter is called {name!r}", hint=f"known are {', '.join(sorted(known))}"
                )
        return cls(**data).checked()

    def checked(self) -> Self:
        """Return the same; raises `ConfigError` for a value of another type or out of range."""
        for each in fields(self):
            value = getattr(self, each.name)
            is_whole = isinstance(each.default, int)
            if value not in each.metadata["range"] or (is_whole and not isinstance(value, int)):
                hint = f"use a {'whole ' if is_whole else ''}number {each.metadata['range']}"
                raise ConfigError(f"{each.name} = {value!r} cannot be used", hint=hint)
        return self

    @property
    def is_greedy(self) -> bool:
        """Whether the most likely token is always taken."""
        return self.temperature == 0.0 or self.top_k == 1

    @property
    def penalises(self) -> bool:
        """Whether what was generated lately becomes less likely, or more."""
        return (self.repeat_penalty, self.presence_penalty, self.frequency_penalty) != (1.0, 0.0, 0.0)

    @property
    def truncates(self) -> bool:
        """Whether some tokens are cut off before one is drawn."""
        return not self.is_greedy and (self.top_k > 0 or self.top_p < 1.0 or self.min_p > 0.0)


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One request, whole.

    `schema` is the JSON Schema that the text must fit, as data or as JSON text; `grammar` is a grammar in
    llguidance's Lark in its place. Without both it is free text. A schema must not change once it was given:
    whoever compiles it keeps the result. `seed` None means a fresh one, which the usage reports.
    `deadline_secs` counts from the call; when it runs out, the generation ends with `DeadlineExceeded`.

    `tools` are functions in OpenAI's form, for chat templates that write tools into the prompt; without
    schema and grammar the model may call them. `tools_text` is the part of the system message that lists
    them for all other templates. `extra` is for servers, which get its fields as they are. `stop` are texts
    before the first of which the answer ends.

    `reasoning_tokens` is the budget for reasoning before the schema begins to hold: 0 is none, None what
    suits the model. They do not count for `max_tokens`. `draft` is a text that the answer is likely to
    repeat: a greedy generation departs from it only for a token whose logit is more than `draft_margin`
    nats above that of the draft's token. The first `num_static_messages` are the same for other
    instructions, so what is computed of them is worth being kept.
    """

    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | str | None = None
    grammar: str | None = None
    parameters: Parameters = field(default_factory=Parameters)
    seed: int | None = None
    deadline_secs: float | None = None
    reasoning_tokens: int | None = 0
    draft: str | None = None
    draft_margin: float = 0.0
    tools: tuple[Mapping[str, Any], ...] = ()
    tools_text: str = ""
    num_static_messages: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)
    stop: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return _as_dict(self) | {
            "messages": [message.as_dict() for message in self.messages],
            "parameters": _as_dict(self.parameters),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the JSON form, and leave out keys that are not of a request; raises `ConfigError`."""
        known = {each.name: data[each.name] for each in fields(cls) if each.name in data}
        return cls(
            **known
            | {
                "messages": tuple(map(Message.from_dict, known["messages"])),
                "parameters": Parameters.from_dict(known.get("parameters", {})),
                "tools": tuple(known.get("tools", ())),
                "stop": tuple(known.get("stop", ())),
            }
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """What a generation cost, in tokens.

    The completion's tokens are all that were generated: `reasoning_tokens` and `forced_tokens` are among
    them. Forced tokens were appended because the grammar left no choice, not sampled. Of the prompt's,
    `cached_tokens` were computed for an earlier request; of the completion's, `looked_up_tokens` were guessed
    from a draft, and needed no decode of their own. `seed` is the one that was used.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    forced_tokens: int = 0
    cached_tokens: int = 0
    looked_up_tokens: int = 0
    seed: int | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return _as_dict(self)


@dataclass(frozen=True, slots=True)
class PromptProgress:
    """How many tokens of a prompt have been read, those that were known before included, and of how many."""

    num_read: int
    num_tokens: int


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token and the natural logarithm of its probability; `top` has the likeliest at its place, by text."""

    token: str
    logprob: float
    top: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One streamed piece of text. Only the last one has `finish_reason` and `usage`.

    `tool_calls` are in a chunk of their own before that, from a server that reads its model's calls, and
    from `chat`. `logprobs` are those of the text's tokens, from a server that was asked for them.

    What the model writes before it answers is `is_reasoning`, and no part of the answer. While a long prompt
    is read, chunks without text tell its progress in `prompt`.
    """

    text: str
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    is_reasoning: bool = False
    prompt: PromptProgress | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()


def checked_seed(seed: int | None, *, fresh: int) -> int:
    """Return the seed to use: the one asked for, or `fresh`; raises `ConfigError` out of range."""
    if seed is None:
        return fresh
    if type(seed) is not int or not 0 <= seed <= MAX_SEED:
        hint = f"use a whole number from 0 to {MAX_SEED}"
        raise ConfigError(f"the seed {seed!r} cannot be used", hint=hint)
    return seed


def checked_reasoning(num_tokens: int | None) -> int | None:
    """Return the same budget for reasoning; raises `ConfigError` out of range."""
    if num_tokens is None or (type(num_tokens) is int and 0 <= num_tokens <= MAX_REASONING_TOKENS):
        return num_tokens
    hint = f"use a whole number from 0 to {MAX_REASONING_TOKENS}"
    raise ConfigError(f"{num_tokens!r} tokens for thinking cannot be used", hint=hint)


def field_of(kind: type[LoadOptions | Parameters], name: str) -> Field[Any]:
    """Return the field of that name, whose `metadata` has its `range` or its `choices`."""
    return kind.__dataclass_fields__[name]


def _as_dict(value: Any) -> dict[str, Any]:  # noqa: ANN401  any of the values here
    # Not dataclasses.asdict: that copies schemas and tools to their depth.
    return {each.name: getattr(value, each.name) for each in fields(value)}
