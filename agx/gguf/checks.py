"""Whether metadata fit together that llama.cpp uses side by side without looking, or aborts on."""

from __future__ import annotations

from agx.gguf.fields import Fields
from agx.gguf.metadata import Array
from agx.gguf.types import STRING

_TOKENS = "tokenizer.ggml.tokens"
# What has to be as long as the list of tokens, where it is there.
_BESIDE_TOKENS = ("tokenizer.ggml.scores", "tokenizer.ggml.token_type")
_LISTS_OF_TEXTS = (_TOKENS, "tokenizer.ggml.merges")


def check_vocabulary(fields: Fields, own: Fields) -> int:
    """Return the number of tokens; raises `GgufInvalid` where the lists do not fit together."""
    for key in _LISTS_OF_TEXTS:
        if fields.has(key) and not _is_list_of_texts(fields, key):
            fields.fail(key, "is no list of texts")
    num_tokens = _length(fields, _TOKENS)
    if num_tokens is None:
        return own.integer("vocab_size")
    for key in _BESIDE_TOKENS:
        length = _length(fields, key)
        if length is not None and length != num_tokens:
            fields.fail(key, f"has {length:,} items for {num_tokens:,} tokens")
    return num_tokens


def check_experts(own: Fields) -> None:
    """Raise `GgufInvalid` where more experts are used than there are."""
    count, used = own.integer("expert_count"), own.integer("expert_used_count")
    if used > count:
        own.fail("expert_used_count", f"is {used:,}, and there are {count:,} experts")


def _length(fields: Fields, key: str) -> int | None:
    value = fields.value(key)
    if isinstance(value, Array):
        return value.length
    if isinstance(value, tuple):
        return len(value)
    if value is not None:
        fields.fail(key, "is no list")
    return None


def _is_list_of_texts(fields: Fields, key: str) -> bool:
    value = fields.value(key)
    if isinstance(value, Array):
        return value.type == STRING
    return isinstance(value, tuple) and all(isinstance(item, str) for item in value)
