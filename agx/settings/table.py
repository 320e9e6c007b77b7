"""Every setting as one row: its name, kind, range, default and help.

What a setting of a request takes (its type, default, range or choices) stands once, at the field in
`agx.requests`; its row here adds what people read and type. So a new load option is one field and one
row, and nothing between them names it.
"""

from __future__ import annotations

from typing import Any

from agx.requests import MAX_REASONING_TOKENS, MAX_SEED, LoadOptions, Parameters, Range, field_of
from agx.settings.setting import Kind, Setting

_ON_OFF = ("on", "off")
_TRUTH = (("true", "on"), ("yes", "on"), ("1", "on"), ("false", "off"), ("no", "off"), ("0", "off"))


def _of(  # noqa: PLR0913 - what a row can say
    request: type[LoadOptions | Parameters],
    name: str,
    text: str,
    *,
    option: str = "",
    aliases: tuple[str, ...] = (),
    synonyms: tuple[tuple[str, str], ...] = (),
) -> Setting:
    """Make the row of a field of a request; `text` is its help."""
    field = field_of(request, name)
    limits, choices = field.metadata.get("range"), field.metadata.get("choices", ())
    default: Any = field.default
    if isinstance(default, bool):
        choices, synonyms, default = _ON_OFF, _TRUTH, "on" if default else "off"
    kind: Kind = "choice" if choices else "text"
    if limits is not None:
        kind = "number" if isinstance(default, float) else "integer"
    return Setting(
        name,
        kind,
        default,
        text,
        choices=choices,
        range=limits,
        option=option,
        aliases=aliases,
        synonyms=synonyms,
    )


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "backend",
        "choice",
        "auto",
        "what generates the text; several with commas between are tried in this order",
        choices=("auto", "llamacpp", "ollama", "openai", "transformers", "plugin"),
        synonyms=(("candle", "llamacpp"), ("llama.cpp", "llamacpp")),
        is_order=True,
        named=("openai", "plugin"),
    ),
    Setting(
        "model_role",
        "choice",
        "echo",
        "echo drafts, delta refines a draft, both does one after the other",
        choices=("echo", "delta", "both"),
        option="--role",
    ),
    Setting("echo_model", "text", "agx-nano", "the model that drafts"),
    Setting("delta_model", "text", "agx-nano", "the model that refines"),
    Setting(
        "model_path",
        "text",
        None,
        "the model of both roles: a GGUF file, a name in the models folder or ollama:NAME",
        option="--model",
    ),
    Setting(
        "ollama_model",
        "text",
        None,
        "the model that Ollama is asked for where the model is not given as ollama:NAME",
    ),
    Setting(
        "ollama_keep_alive",
        "text",
        None,
        "how long Ollama keeps the model loaded: seconds, or as in 5m; Ollama's own where it is not given",
    ),
    Setting(
        "base_url",
        "text",
        None,
        "the server of the backend openai, up to and with /v1; OpenAI's own where it is not given",
        aliases=("OPENAI_BASE_URL",),
    ),
    Setting(
        "quantization",
        "choice",
        "none",
        "how the backend transformers packs weights when it loads them, which needs bitsandbytes",
        choices=("none", "8bit", "4bit"),
    ),
    Setting(
        "cache_dir",
        "text",
        None,
        "where the backend transformers keeps models of the hub; as Hugging Face's programs do where it is "
        "not given",
    ),
    _of(LoadOptions, "device", "where the model runs", synonyms=(("mps", "metal"),)),
    _of(
        Parameters,
        "temperature",
        "how freely tokens are drawn; 0 always takes the likeliest",
        aliases=("AGX_CANDLE_TEMPERATURE",),
    ),
    _of(Parameters, "top_k", "draw from the k likeliest tokens; 0 is off"),
    _of(
        Parameters,
        "top_p",
        "draw from the likeliest tokens that add up to p; 1 is off",
        aliases=("AGX_CANDLE_TOP_P",),
    ),
    _of(Parameters, "min_p", "leave out tokens less likely than p times the likeliest; 0 is off"),
    _of(Parameters, "repeat_penalty", "make tokens that already stand in the text less likely; 1 is off"),
    _of(Parameters, "presence_penalty", "take so much from what was generated lately; 0 is off"),
    _of(Parameters, "frequency_penalty", "take so much from it each time that it was generated; 0 is off"),
    _of(
        Parameters,
        "max_tokens",
        "the most tokens that are generated",
        aliases=("AGX_CANDLE_MAX_TOKENS",),
    ),
    Setting(
        "seed",
        "integer",
        None,
        "start of the random numbers; a fresh one where it is not given",
        range=Range(0, MAX_SEED),
        aliases=("AGX_CANDLE_SEED",),
    ),
    _of(
        LoadOptions,
        "context_size",
        "room for prompt and answer in tokens; the model's own where it is not given",
        aliases=("AGX_CANDLE_CONTEXT_SIZE",),
    ),
    _of(LoadOptions, "threads", "CPU threads; chosen by model and machine where it is not given"),
    _of(LoadOptions, "gpu_layers", "layers on the GPU; all that fit where it is not given"),
    _of(
        LoadOptions,
        "sequences",
        "plans that are written at once; as many as fit, at most 16, where it is not given",
        option="--parallel",
    ),
    _of(LoadOptions, "flash_attn", "flash attention, which needs less memory", synonyms=_TRUTH),
    _of(LoadOptions, "cache_type_k", "how keys are kept in the cache"),
    _of(
        LoadOptions,
        "cache_type_v",
        "how values are kept in the cache; other than f16 and f32 need flash attention",
    ),
    _of(LoadOptions, "mlock", "keep the model's weights in memory, whatever else needs it"),
    _of(
        LoadOptions,
        "prompt_cache_mb",
        "megabytes on disk for what was computed of prompts; 0 keeps nothing",
    ),
    _of(LoadOptions, "mmap", "map the model's file instead of reading it into memory"),
    _of(
        LoadOptions,
        "chat_template",
        "a chat template in place of the model's own: a file or a name such as chatml or llama3",
    ),
    Setting(
        "think",
        "integer",
        None,
        "how many tokens the model may think before it plans; 0 is none, and where it is not given it "
        "is none unless the model cannot do without",
        range=Range(0, MAX_REASONING_TOKENS),
    ),
    Setting(
        "dialect",
        "choice",
        "auto",
        "what the model writes: a plan's JSON, a shell pipeline or its own tool calls; auto is what suits "
        "model and tools",
        choices=("auto", "json", "shell", "native"),
    ),
    Setting("max_tasks", "integer", 10, "the most tasks of a plan", range=Range(1, 64)),
    Setting("forbid", "names", None, "a tool that no plan may use; those of every layer count"),
    Setting(
        "risk",
        "choice",
        "any",
        "the most that a plan may do: read only, write files, or anything",
        choices=("read", "write", "any"),
    ),
    Setting(
        "tools_limit",
        "integer",
        None,
        "the most tools that the model is offered, the best for the instruction; 0 offers all, and "
        "where it is not given it is what suits model and tools",
        range=Range(0, 1000),
    ),
    Setting(
        "delta_tools_limit",
        "integer",
        None,
        "the same for the model that refines; as tools_limit where it is not given",
        range=Range(0, 1000),
    ),
    Setting(
        "examples",
        "integer",
        2,
        "the most examples near the instruction that a general model is shown, beside a core; 0 is none",
        range=Range(0, 32),
    ),
    Setting(
        "timeout_secs",
        "number",
        None,
        "the time limit of a request in seconds; none where it is not given",
        range=Range(None, 86_400, above=0),
        option="--timeout",
    ),
    Setting(
        "warm",
        "choice",
        "on",
        "whether a worker that `agx up` keeps is used where one fits",
        choices=_ON_OFF,
        synonyms=_TRUTH,
    ),
    Setting(
        "record",
        "choice",
        "on",
        "whether finished plans are kept in AGX_HOME/plans",
        choices=_ON_OFF,
        synonyms=_TRUTH,
    ),
)

BY_NAME: dict[str, Setting] = {setting.name: setting for setting in SETTINGS}
