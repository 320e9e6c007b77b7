"""One generation's tokens and state, without I/O, clock or model.

A sequence is a list of tokens, the first `num_prompt` of which are the prompt, and a count of how
many of them the model has seen (`num_decoded`). The rest is pending. When nothing is pending, the
next token can be drawn.

    state      leaves it when                      for
    waiting    it is scheduled for the first time  prefill
    prefill    the whole prompt is decoded         decoding
    decoding   no token is to follow               finished
    any        it is cancelled or fails            finished
    any        the model's memory was lost         waiting
"""

from __future__ import annotations

from collections.abc import Sequence as Tokens
from enum import StrEnum
from itertools import takewhile


class State(StrEnum):
    """The states of the table above."""

    WAITING = "waiting"
    PREFILL = "prefill"
    DECODING = "decoding"
    FINISHED = "finished"


_NEXT = {
    State.WAITING: {State.WAITING, State.PREFILL, State.FINISHED},
    State.PREFILL: {State.WAITING, State.DECODING, State.FINISHED},
    State.DECODING: {State.WAITING, State.FINISHED},
    State.FINISHED: set[State](),
}


class Sequence:
    """The tokens of one generation. `slot` is its place in the model's memory; None while it has none.

    The first `num_static` tokens are the same for other prompts.
    """

    def __init__(
        self,
        prompt: Tokens[int],
        *,
        slot: int | None = None,
        max_tokens: int,
        context_length: int,
        num_static: int = 0,
    ) -> None:
        assert 0 < len(prompt) <= context_length
        assert 0 <= num_static < len(prompt)
        self.tokens = list(prompt)
        self.slot = slot
        self.num_prompt = len(prompt)
        self.num_static = num_static
        self.num_decoded = 0
        self.num_forced = 0
        self.num_cached = 0
        self.state = State.WAITING
        self._context_length = context_length
        self.allow(max_tokens)

    @property
    def prompt(self) -> Tokens[int]:
        """The tokens of the prompt."""
        return self.tokens[: self.num_prompt]

    @property
    def static_prompt(self) -> Tokens[int]:
        """The tokens that the prompt has in common with others."""
        return self.tokens[: self.num_static]

    @property
    def num_generated(self) -> int:
        """The number of tokens behind the prompt."""
        return len(self.tokens) - self.num_prompt

    @property
    def num_pending(self) -> int:
        """The number of tokens that the model has not seen yet."""
        return len(self.tokens) - self.num_decoded

    @property
    def room(self) -> int:
        """The number of tokens that may still be added, by the limits of the request and the context."""
        return self._limit - len(self.tokens)

    def allow(self, max_tokens: int) -> None:
        """Allow this many more tokens, as far as the context has room."""
        self._limit = min(len(self.tokens) + max_tokens, self._context_length)

    def append(self, tokens: Tokens[int], *, forced: bool = False) -> Tokens[int]:
        """Append tokens as far as there is room, and return those that were appended."""
        assert self.state is not State.FINISHED
        added = tokens[: self.room]
        self.tokens += added
        self.num_forced += len(added) if forced else 0
        return added

    def resume(self, num_tokens: int) -> None:
        """Note that the model has seen the first tokens of the prompt already."""
        assert self.state is State.WAITING
        assert 0 <= num_tokens < self.num_prompt
        self.num_decoded = self.num_cached = num_tokens

    def begin(self) -> None:
        """Note that the sequence is scheduled."""
        if self.state is State.WAITING:
            self._enter(State.PREFILL)

    def num_pending_as(self, guesses: Tokens[int]) -> int:
        """Return how many of the pending tokens are the guesses, from the first on."""
        pending = self.tokens[self.num_decoded :]
        same = takewhile(lambda pair: pair[0] == pair[1], zip(pending, guesses, strict=False))
        return sum(1 for _ in same)

    def advance(self, num_tokens: int) -> None:
        """Note that the model has seen this many of the pending tokens."""
        assert 0 < num_tokens <= self.num_pending
        self.num_decoded += num_tokens
        if self.state is State.PREFILL and self.num_decoded >= self.num_prompt:
            self._enter(State.DECODING)

    def rewind(self) -> None:
        """Note that the model's memory of this sequence is lost: all its tokens are pending again."""
        self.num_decoded = self.num_cached = 0
        self._enter(State.WAITING)

    def finish(self) -> None:
        """Note that no token will follow."""
        self._enter(State.FINISHED)

    def _enter(self, state: State) -> None:
        assert state in _NEXT[self.state], f"{self.state} → {state}"
        self.state = state

    def __repr__(self) -> str:
        done = f"{self.num_decoded}/{len(self.tokens)}"
        return f"<Sequence slot {self.slot}, {self.state}, {done} tokens decoded>"
