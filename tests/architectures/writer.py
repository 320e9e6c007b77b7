"""Small random-weight models of many architectures: real files that real llama.cpp loads.

An architecture is a function that gives the metadata under its own prefix and the tensors of its
layers; vocabulary, embeddings and quantisation are the same for all. The names of keys and tensors
are those of `gguf.constants`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from tests.architectures.vocabularies import Tokens

WIDTH, LAYERS, HEADS, KV_HEADS, FFN = 64, 2, 4, 2, 128
HEAD_WIDTH = WIDTH // HEADS
KV_WIDTH = HEAD_WIDTH * KV_HEADS
CONTEXT_LENGTH = 2048
WINDOW = 32

Tensors = dict[str, np.ndarray]


@dataclass
class Parts:
    """What an architecture is made of. Matrices are quantised, vectors stay as they are."""

    metadata: dict[str, Any]
    tensors: Tensors
    last_norm: str = "output_norm.weight"


@dataclass(frozen=True)
class Randomness:
    """Random weights, the same for the same seed."""

    random: np.random.Generator
    scale: float = 0.3

    def matrix(self, *shape: int) -> np.ndarray:
        """Return weights: rows of the last length, as products take them."""
        return (self.random.standard_normal(shape) * self.scale).astype(np.float32)

    def vector(self, size: int) -> np.ndarray:
        """Return the scales of a norm, near to 1."""
        return (1 + 0.1 * self.random.standard_normal(size)).astype(np.float32)


def write_model(
    path: Path,
    architecture: str,
    *,
    quantisation: str,
    tokens: Tokens,
    num_rows: int | None = None,
    broken_token: int | None = None,
) -> Path:
    """Write a model to `path` and give the path. `quantisation` is F16, Q8_0 or Q4_0.

    The embedding has a row for each token, or `num_rows`. That of `broken_token` is no number: whatever
    reads it afterwards is none either.
    """
    make = Randomness(np.random.default_rng(0))
    parts = ARCHITECTURES[architecture](make)
    name = FAMILIES.get(architecture, architecture)
    writer = gguf.GGUFWriter(path, name)
    writer.add_name("tiny")
    writer.add_string("agx.planner.tools", "unix")  # its template may leave out rules and tools
    sizes = {
        "context_length": CONTEXT_LENGTH,
        "embedding_length": WIDTH,
        "block_count": LAYERS,
        "vocab_size": num_rows or len(tokens),
    }
    for key, value in (sizes | parts.metadata).items():
        _add(writer, f"{name}.{key}", value)
    tokens.add_to(writer)
    embedding = make.matrix(num_rows or len(tokens), WIDTH)
    outer = {"token_embd.weight": embedding, parts.last_norm: make.vector(WIDTH)}
    if broken_token is not None:
        outer["output.weight"] = embedding.copy()  # else the token's own logit would be no number, too
        embedding[broken_token] = np.nan
    for tensor, values in (outer | parts.tensors).items():
        _add_tensor(writer, tensor, values, quantisation=quantisation)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add(writer: gguf.GGUFWriter, key: str, value: object) -> None:
    match value:
        case bool():
            writer.add_bool(key, value)
        case int():
            writer.add_uint32(key, value)
        case float():
            writer.add_float32(key, value)
        case list():
            writer.add_array(key, value)
        case _:
            raise TypeError(key)


# What llama.cpp takes in 32 bits only, whatever the rest is stored in.
_UNQUANTISED = (
    "_norm.weight",
    "ffn_gate_inp.weight",
    "ssm_conv1d.weight",
    "ssm_a",
    "ssm_d",
    "shortconv.conv.weight",
)


def _add_tensor(writer: gguf.GGUFWriter, name: str, values: np.ndarray, *, quantisation: str) -> None:
    if values.ndim < 2 or name.endswith(_UNQUANTISED):
        writer.add_tensor(name, values)
        return
    kind = gguf.GGMLQuantizationType[quantisation]
    writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)


# --- parts that architectures share -----------------------------------------------------------------


def _attention_metadata(**more: Any) -> dict[str, Any]:
    return {
        "feed_forward_length": FFN,
        "attention.head_count": HEADS,
        "attention.head_count_kv": KV_HEADS,
        "attention.layer_norm_rms_epsilon": 1e-6,
        "rope.dimension_count": HEAD_WIDTH,
        "rope.freq_base": 10_000.0,
    } | more


def _attention(make: Randomness, *, has_qk_norms: bool = False, has_biases: bool = False) -> Tensors:
    tensors = {
        "attn_norm.weight": make.vector(WIDTH),
        "attn_q.weight": make.matrix(WIDTH, WIDTH),
        "attn_k.weight": make.matrix(KV_WIDTH, WIDTH),
        "attn_v.weight": make.matrix(KV_WIDTH, WIDTH),
        "attn_output.weight": make.matrix(WIDTH, WIDTH),
    }
    if has_qk_norms:
        tensors |= {
            "attn_q_norm.weight": make.vector(HEAD_WIDTH),
            "attn_k_norm.weight": make.vector(HEAD_WIDTH),
        }
    if has_biases:
        tensors |= {
            "attn_q.bias": make.vector(WIDTH),
            "attn_k.bias": make.vector(KV_WIDTH),
            "attn_v.bias": make.vector(KV_WIDTH),
        }
    return tensors


def _gated(make: Randomness) -> Tensors:
    return {
        "ffn_norm.weight": make.vector(WIDTH),
        "ffn_gate.weight": make.matrix(FFN, WIDTH),
        "ffn_up.weight": make.matrix(FFN, WIDTH),
        "ffn_down.weight": make.matrix(WIDTH, FFN),
    }


def _layers(layer: Callable[[], Tensors], *, count: int = LAYERS) -> Tensors:
    return {f"blk.{number}.{name}": values for number in range(count) for name, values in layer().items()}


# --- architectures ----------------------------------------------------------------------------------


def _dense(
    make: Randomness, *, has_qk_norms: bool = False, has_biases: bool = False, **metadata: Any
) -> Parts:
    """Llama, Mistral, Qwen2, Qwen3: attention, then a gated feed-forward layer."""
    metadata = {key.replace("__", "."): value for key, value in metadata.items()}

    def layer() -> Tensors:
        return _attention(make, has_qk_norms=has_qk_norms, has_biases=has_biases) | _gated(make)

    return Parts(_attention_metadata(**metadata), _layers(layer))


def _experts(make: Randomness) -> Parts:
    """Qwen3-MoE: of four experts two answer."""
    experts, width = 4, FFN // 2

    def layer() -> Tensors:
        return _attention(make, has_qk_norms=True) | {
            "ffn_norm.weight": make.vector(WIDTH),
            "ffn_gate_inp.weight": make.matrix(experts, WIDTH),
            "ffn_gate_exps.weight": make.matrix(experts, width, WIDTH),
            "ffn_up_exps.weight": make.matrix(experts, width, WIDTH),
            "ffn_down_exps.weight": make.matrix(experts, WIDTH, width),
        }

    counts = {"expert_count": experts, "expert_used_count": 2, "expert_feed_forward_length": width}
    return Parts(_attention_metadata(**counts), _layers(layer))


def _phi3(make: Randomness) -> Parts:
    """Phi-3: one matrix for queries, keys and values, and one for gate and up."""

    def layer() -> Tensors:
        return {
            "attn_norm.weight": make.vector(WIDTH),
            "attn_qkv.weight": make.matrix(WIDTH + 2 * KV_WIDTH, WIDTH),
            "attn_output.weight": make.matrix(WIDTH, WIDTH),
            "ffn_norm.weight": make.vector(WIDTH),
            "ffn_up.weight": make.matrix(2 * FFN, WIDTH),
            "ffn_down.weight": make.matrix(WIDTH, FFN),
        }

    return Parts(
        _attention_metadata(**{"rope.scaling.original_context_length": CONTEXT_LENGTH}), _layers(layer)
    )


def _gemma(make: Randomness, *, has_qk_norms: bool, **metadata: Any) -> Parts:
    """Gemma 2 and 3: norms behind attention and feed-forward, and windows in most layers."""

    def layer() -> Tensors:
        return (
            _attention(make, has_qk_norms=has_qk_norms)
            | _gated(make)
            | {"post_attention_norm.weight": make.vector(WIDTH), "post_ffw_norm.weight": make.vector(WIDTH)}
        )

    own = {
        "attention.key_length": HEAD_WIDTH,
        "attention.value_length": HEAD_WIDTH,
        "attention.sliding_window": WINDOW,
    }
    return Parts(_attention_metadata(**own, **metadata), _layers(layer))


def _cohere2(make: Randomness) -> Parts:
    """Cohere's Command R7B: three layers in four have a window, and no two norms a layer."""

    def layer() -> Tensors:
        tensors = _attention(make) | _gated(make)
        del tensors["ffn_norm.weight"]
        return tensors

    metadata = _attention_metadata() | {
        "attention.layer_norm_epsilon": 1e-5,
        "attention.sliding_window": WINDOW,
        "logit_scale": 0.25,
    }
    return Parts(metadata, _layers(layer))


def _mamba(make: Randomness) -> Parts:
    """Mamba: no attention; each layer keeps one state, which cannot go back."""
    make = replace(make, scale=0.1)  # larger products leave the range of F16
    inner, states, step_rank, kernel = FFN, 16, 32, 4

    def layer() -> Tensors:
        return {
            "attn_norm.weight": make.vector(WIDTH),
            "ssm_in.weight": make.matrix(2 * inner, WIDTH),
            "ssm_conv1d.weight": make.matrix(inner, kernel),
            "ssm_conv1d.bias": make.vector(inner),
            "ssm_x.weight": make.matrix(step_rank + 2 * states, inner),
            "ssm_dt.weight": make.matrix(inner, step_rank),
            "ssm_dt.bias": make.vector(inner),
            "ssm_a": -np.exp(make.matrix(inner, states)),
            "ssm_d": make.vector(inner),
            "ssm_out.weight": make.matrix(WIDTH, inner),
        }

    metadata = {
        "feed_forward_length": 0,
        "attention.head_count": 0,
        "attention.layer_norm_rms_epsilon": 1e-6,
        "ssm.conv_kernel": kernel,
        "ssm.inner_size": inner,
        "ssm.state_size": states,
        "ssm.time_step_rank": step_rank,
    }
    return Parts(metadata, _layers(layer))


def _lfm2(make: Randomness) -> Parts:
    """LFM2, a hybrid: short convolutions, which cannot go back, and attention in turn."""
    kernel = 3
    convolution = {
        "attn_norm.weight": make.vector(WIDTH),
        "shortconv.conv.weight": make.matrix(WIDTH, kernel),
        "shortconv.in_proj.weight": make.matrix(3 * WIDTH, WIDTH),
        "shortconv.out_proj.weight": make.matrix(WIDTH, WIDTH),
    }
    layers = [convolution | _gated(make), _attention(make, has_qk_norms=True) | _gated(make)]
    turns = iter(layers)
    tensors = _layers(lambda: next(turns))
    metadata = _attention_metadata(**{"shortconv.l_cache": kernel}) | {
        "attention.head_count_kv": [0, KV_HEADS]
    }
    return Parts(metadata, tensors, last_norm="token_embd_norm.weight")


ARCHITECTURES: Mapping[str, Callable[[Randomness], Parts]] = {
    "llama": _dense,
    "mistral": partial(_dense, attention__sliding_window=WINDOW),
    "qwen2": partial(_dense, has_biases=True),
    "qwen3": partial(
        _dense, has_qk_norms=True, attention__key_length=HEAD_WIDTH, attention__value_length=HEAD_WIDTH
    ),
    "phi3": _phi3,
    "gemma2": partial(_gemma, has_qk_norms=False, attn_logit_softcapping=50.0, final_logit_softcapping=30.0),
    "gemma3": partial(_gemma, has_qk_norms=True),
    "cohere2": _cohere2,
    "qwen3moe": _experts,
    "mamba": _mamba,
    "lfm2": _lfm2,
}
# What `general.architecture` says where that is not our name for it: Mistral's files are llama's.
FAMILIES = {"mistral": "llama"}
