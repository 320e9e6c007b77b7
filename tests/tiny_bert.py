"""A small encoder with random weights, as GGUF: BERT's architecture, a WordPiece vocabulary of letters."""

from __future__ import annotations

import string
from pathlib import Path

import gguf
import numpy as np

WIDTH, FEED_FORWARD, LAYERS, HEADS, CONTEXT = 32, 64, 2, 4, 64
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def write_tiny_bert(path: Path, *, pooling: gguf.PoolingType | None = gguf.PoolingType.MEAN) -> Path:
    """Write the encoder to `path` and return the path."""
    # llama.cpp has a space in front of what begins a word, where the others continue one.
    tokens = [*SPECIAL, *(f"\u2581{letter}" for letter in string.ascii_lowercase), *string.ascii_lowercase]
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name("tiny encoder")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(value=False)
    if pooling is not None:
        writer.add_pooling_type(pooling)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL] * len(SPECIAL) + [gguf.TokenType.NORMAL] * 52)
    writer.add_token_type_count(2)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(3)
    writer.add_sep_token_id(3)
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(1)
    writer.add_mask_token_id(4)
    for name, tensor in _tensors(len(tokens)).items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _tensors(vocabulary_size: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)

    def matrix(*shape: int) -> np.ndarray:
        return random.standard_normal(shape).astype(np.float32)

    tensors = {
        "token_embd.weight": matrix(vocabulary_size, WIDTH),
        "token_types.weight": matrix(2, WIDTH),
        "position_embd.weight": matrix(CONTEXT, WIDTH),
        "token_embd_norm.weight": np.ones(WIDTH, np.float32),
        "token_embd_norm.bias": np.zeros(WIDTH, np.float32),
    }
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensors[f"{block}{name}.weight"] = matrix(WIDTH, WIDTH)
            tensors[f"{block}{name}.bias"] = np.zeros(WIDTH, np.float32)
        tensors |= {
            block + "ffn_up.weight": matrix(FEED_FORWARD, WIDTH),
            block + "ffn_up.bias": np.zeros(FEED_FORWARD, np.float32),
            block + "ffn_down.weight": matrix(WIDTH, FEED_FORWARD),
            block + "ffn_down.bias": np.zeros(WIDTH, np.float32),
        }
        for name in ("attn_output_norm", "layer_output_norm"):
            tensors[f"{block}{name}.weight"] = np.ones(WIDTH, np.float32)
            tensors[f"{block}{name}.bias"] = np.zeros(WIDTH, np.float32)
    return tensors
