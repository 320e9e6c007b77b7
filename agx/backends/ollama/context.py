"""How much context a request needs: Ollama cuts a longer prompt off without a word.

Ollama has no call that counts tokens. A token is at least one byte of text, so as many tokens as the prompt
has bytes are always enough. That is asked for as long as it is little; beyond, two bytes count as a token,
which is what few texts need, and what the server says of the prompt afterwards is checked.

Source: https://github.com/ollama/ollama, `server/prompt.go` (what is cut off) and `docs/faq.md` (num_ctx).
"""

from __future__ import annotations

from collections.abc import Sequence

from agx.errors import PromptTooLong
from agx.requests import Message, Usage

# Every other number of tokens makes Ollama load the model anew, so there are only few of them.
_LEAST_TOKENS = 4096
_SURE_UP_TO_TOKENS = 16_384
_BYTES_A_TOKEN = 2
# Hardly any tokeniser has a text in fewer tokens than one for so many bytes.
_MOST_BYTES_A_TOKEN = 8
# What a chat template puts around a message.
_TOKENS_A_MESSAGE = 16
_HINT = "set a larger --context-size, offer fewer tools or examples, or use a model with a longer context"


def context_size(
    messages: Sequence[Message], *, answer_tokens: int, asked: int | None, context_length: int | None
) -> int:
    """Return the context to ask for, in tokens: room for the prompt and `answer_tokens`.

    `asked` takes its place, and neither is more than the model's own. Raises `PromptTooLong` for a prompt
    that cannot fit.
    """
    size = _needed(messages, answer_tokens) if asked is None else asked
    size = min(size, context_length or size)
    least = _num_bytes(messages) // _MOST_BYTES_A_TOKEN
    if least >= size:
        raise PromptTooLong(
            f"the prompt has {least:,} tokens at the very least, and the context {size:,}", hint=_HINT
        )
    return size


def check_whole(messages: Sequence[Message], usage: Usage, *, context_size: int) -> None:
    """Raise `PromptTooLong` where the server has cut the prompt off, by the number of its tokens."""
    if not usage.prompt_tokens or _bound(messages) <= context_size:
        return
    is_full = usage.prompt_tokens >= context_size
    is_short = usage.prompt_tokens < _num_bytes(messages) // _MOST_BYTES_A_TOKEN
    if is_full or is_short:
        raise PromptTooLong(
            f"Ollama cut the prompt off: it read {usage.prompt_tokens:,} tokens of it, with a context of"
            f" {context_size:,}",
            hint=_HINT,
        )


def _needed(messages: Sequence[Message], answer_tokens: int) -> int:
    sure = _bound(messages) + answer_tokens
    if sure > _SURE_UP_TO_TOKENS:
        likely = _num_bytes(messages) // _BYTES_A_TOKEN + _TOKENS_A_MESSAGE * len(messages) + answer_tokens
        sure = max(likely, _SURE_UP_TO_TOKENS)
    size = _LEAST_TOKENS
    while size < sure:
        size *= 2
    return size


def _bound(messages: Sequence[Message]) -> int:
    """Return a number of tokens that the prompt never exceeds."""
    return _num_bytes(messages) + _TOKENS_A_MESSAGE * len(messages)


def _num_bytes(messages: Sequence[Message]) -> int:
    return sum(len(message.content.encode(errors="replace")) for message in messages)
