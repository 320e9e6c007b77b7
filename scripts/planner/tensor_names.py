"""llama.cpp's names of the planner's tensors (architecture `qwen3`)."""

from __future__ import annotations

_BLOCK_TENSORS = {
    "attention_norm": "attn_norm",
    "attention.query": "attn_q",
    "attention.key": "attn_k",
    "attention.value": "attn_v",
    "attention.output": "attn_output",
    "attention.query_norm": "attn_q_norm",
    "attention.key_norm": "attn_k_norm",
    "ffn_norm": "ffn_norm",
    "ffn.gate": "ffn_gate",
    "ffn.up": "ffn_up",
    "ffn.down": "ffn_down",
}


def tensor_name(name: str) -> str:
    """Return llama.cpp's name of one of the model's tensors."""
    if name == "embedding.weight":
        return "token_embd.weight"
    if name == "norm.weight":
        return "output_norm.weight"
    _blocks, number, part = name.removesuffix(".weight").split(".", 2)
    return f"blk.{number}.{_BLOCK_TENSORS[part]}.weight"
