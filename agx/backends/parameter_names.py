"""What each engine calls a generation parameter: one table, from which every request is written.

None is where an engine lacks it. Sources: llama.cpp's `include/llama.h`, Ollama's `docs/modelfile.md`,
OpenAI's API reference, vLLM's `SamplingParams`, and transformers' `GenerationConfig`.
"""

from __future__ import annotations

from typing import NamedTuple


class Names(NamedTuple):
    """A parameter's name in each engine, and the value that turns it off; None is where nothing does."""

    llamacpp: str | None
    ollama: str | None
    openai: str | None
    vllm: str
    transformers: str | None
    off: float | None = None


PARAMETER_NAMES = {
    "temperature": Names("temp", "temperature", "temperature", "temperature", "temperature"),
    "top_k": Names("top_k", "top_k", None, "top_k", "top_k", off=0),
    "top_p": Names("top_p", "top_p", "top_p", "top_p", "top_p", off=1.0),
    "min_p": Names("min_p", "min_p", None, "min_p", "min_p", off=0.0),
    "repeat_penalty": Names(
        "penalty_repeat", "repeat_penalty", None, "repetition_penalty", "repetition_penalty", off=1.0
    ),
    "presence_penalty": Names(
        "penalty_present", "presence_penalty", "presence_penalty", "presence_penalty", None, off=0.0
    ),
    "frequency_penalty": Names(
        "penalty_freq", "frequency_penalty", "frequency_penalty", "frequency_penalty", None, off=0.0
    ),
    "max_tokens": Names("n_predict", "num_predict", "max_tokens", "max_tokens", "max_new_tokens"),
}
