"""How a context is shared out between a prompt, the reasoning and the answer, in tokens."""

from __future__ import annotations

from agx.errors import PromptTooLong

# A prompt that leaves less room than this, or than the request asks for, is refused at once.
_LEAST_ROOM_TOKENS = 64
# Tokens for what the template writes between reasoning and answer.
ENDING_TOKENS = 16


def check_room(context_length: int, num_prompt_tokens: int, *, max_tokens: int) -> None:
    """Raise `PromptTooLong` when the prompt leaves too little room for an answer."""
    needed = min(max_tokens, _LEAST_ROOM_TOKENS)
    if num_prompt_tokens + needed > context_length:
        raise PromptTooLong(
            f"the prompt has {num_prompt_tokens:,} tokens and its answer needs {needed} or more; "
            f"the context has {context_length:,}",
            hint="use a shorter instruction, fewer tools or a larger context (--context-size)",
            prompt_tokens=num_prompt_tokens,
            needed_tokens=needed,
            context_length=context_length,
        )


def room_to_reason(context_length: int, wanted: int, *, num_prompt_tokens: int, max_tokens: int) -> int:
    """Return how many of the tokens wanted for reasoning fit, with room left for an answer."""
    room = context_length - num_prompt_tokens
    kept = min(max_tokens, max(room // 2, _LEAST_ROOM_TOKENS))
    return max(0, min(wanted, room - kept - ENDING_TOKENS))
