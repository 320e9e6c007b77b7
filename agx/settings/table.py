"""Every setting as one row: its name, kind, range, default and help."""

from __future__ import annotations

from agx.settings.setting import Setting

MAX_SEED = 2**32 - 2  # llama.cpp reads the largest 32-bit number as "choose one at random"

# The types that llama.cpp keeps a key-value cache in, by ggml's names.
CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")
_TRUTH = (("true", "on"), ("yes", "on"), ("1", "on"), ("false", "off"), ("no", "off"), ("0", "off"))

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "backend",
        "choice",
        "auto",
        "what generates the text",
        choices=("auto", "llamacpp", "ollama", "openai"),
        synonyms=(("candle", "llamacpp"), ("llama.cpp", "llamacpp")),
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
        "device",
        "choice",
        "auto",
        "where the model runs",
        choices=("auto", "cuda", "metal", "cpu"),
    ),
    Setting(
        "temperature",
        "number",
        0.0,
        "how freely tokens are drawn; 0 always takes the likeliest",
        minimum=0,
        maximum=10,
        aliases=("AGX_CANDLE_TEMPERATURE",),
    ),
    Setting(
        "top_k",
        "integer",
        0,
        "draw from the k likeliest tokens; 0 is off",
        minimum=0,
        maximum=1_000_000,
    ),
    Setting(
        "top_p",
        "number",
        1.0,
        "draw from the likeliest tokens that add up to p; 1 is off",
        above=0,
        maximum=1,
        aliases=("AGX_CANDLE_TOP_P",),
    ),
    Setting(
        "min_p",
        "number",
        0.0,
        "leave out tokens less likely than p times the likeliest; 0 is off",
        minimum=0,
        maximum=1,
    ),
    Setting(
        "repeat_penalty",
        "number",
        1.0,
        "make tokens that already stand in the text less likely; 1 is off",
        above=0,
        maximum=10,
    ),
    Setting(
        "max_tokens",
        "integer",
        512,
        "the most tokens that are generated",
        minimum=1,
        maximum=131_072,
        aliases=("AGX_CANDLE_MAX_TOKENS",),
    ),
    Setting(
        "seed",
        "integer",
        None,
        "start of the random numbers; a fresh one where it is not given",
        minimum=0,
        maximum=MAX_SEED,
        aliases=("AGX_CANDLE_SEED",),
    ),
    Setting(
        "context_size",
        "integer",
        None,
        "room for prompt and answer in tokens; the model's own where it is not given",
        minimum=32,
        maximum=16_777_216,
        aliases=("AGX_CANDLE_CONTEXT_SIZE",),
    ),
    Setting(
        "threads",
        "integer",
        None,
        "CPU threads; chosen by model and machine where it is not given",
        minimum=1,
        maximum=1024,
    ),
    Setting(
        "gpu_layers",
        "integer",
        None,
        "layers on the GPU; all that fit where it is not given",
        minimum=0,
        maximum=9999,
    ),
    Setting(
        "flash_attn",
        "choice",
        "auto",
        "flash attention, which needs less memory",
        choices=("auto", "on", "off"),
        synonyms=_TRUTH,
    ),
    Setting("cache_type_k", "choice", "f16", "how keys are kept in the cache", choices=CACHE_TYPES),
    Setting(
        "cache_type_v",
        "choice",
        "f16",
        "how values are kept in the cache; other than f16 and f32 need flash attention",
        choices=CACHE_TYPES,
    ),
    Setting(
        "mlock",
        "choice",
        "off",
        "keep the model's weights in memory, whatever else needs it",
        choices=("on", "off"),
        synonyms=_TRUTH,
    ),
    Setting(
        "mmap",
        "choice",
        "on",
        "map the model's file instead of reading it into memory",
        choices=("on", "off"),
        synonyms=_TRUTH,
    ),
    Setting(
        "chat_template",
        "text",
        None,
        "a chat template in place of the model's own: a file or a name such as chatml or llama3",
    ),
    Setting(
        "think",
        "integer",
        None,
        "how many tokens the model may think before it plans; 0 is none, and where it is not given it "
        "is none unless the model cannot do without",
        minimum=0,
        maximum=131_072,
    ),
    Setting("max_tasks", "integer", 10, "the most tasks of a plan", minimum=1, maximum=64),
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
        minimum=0,
        maximum=1000,
    ),
    Setting(
        "delta_tools_limit",
        "integer",
        None,
        "the same for the model that refines; as tools_limit where it is not given",
        minimum=0,
        maximum=1000,
    ),
    Setting(
        "timeout_secs",
        "number",
        None,
        "the time limit of a request in seconds; none where it is not given",
        above=0,
        maximum=86_400,
        option="--timeout",
    ),
    Setting(
        "record",
        "choice",
        "on",
        "whether finished plans are kept in AGX_HOME/plans",
        choices=("on", "off"),
        synonyms=_TRUTH,
    ),
)

BY_NAME: dict[str, Setting] = {setting.name: setting for setting in SETTINGS}
PARAMETER_NAMES = ("temperature", "top_k", "top_p", "min_p", "repeat_penalty", "max_tokens")
