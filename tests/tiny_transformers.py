"""A tiny model in Hugging Face's form, written with `save_pretrained`: random weights, a byte a token."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_SHAPE = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 40_000,
}
SPARE_TOKENS = 6  # rows of the model's matrix that no token has, as many real models have them


def needed_libraries() -> tuple[Any, Any]:
    """Return torch and transformers; skips where the extra is not installed."""
    reason = "the extra agx[hf] is not installed: scripts/test-hf"
    return pytest.importorskip("torch", reason=reason), pytest.importorskip("transformers", reason=reason)


def write_tiny_model(folder: Path, *, kind: str = "llama", template: str | None = CHAT_TEMPLATE) -> Path:
    """Write a language model ("llama", "qwen2") or an encoder ("bert"), and return its folder."""
    torch, transformers = needed_libraries()
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(7)
    tokenizer = _tokenizer(transformers)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    ends: dict[str, Any] = {
        "vocab_size": len(tokenizer) + SPARE_TOKENS,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    config = transformers.AutoConfig.for_model(kind, **_SHAPE, **ends)
    auto = transformers.AutoModel if kind == "bert" else transformers.AutoModelForCausalLM
    with warnings.catch_warnings():
        model = auto.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():  # flat enough, and far from all alike
            parameter.mul_(4.0)
    model.save_pretrained(folder)
    return folder


def _tokenizer(transformers: Any) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: PLC0415  of the extra

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={each: token for token, each in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<|im_start|>", eos_token="<|im_end|>"
    )
