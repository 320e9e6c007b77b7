"""One running generation: a sequence, and what constrains, samples, times and decodes it.

The next token of an answer is chosen in this order:

1. What the constraint forces is appended without sampling, and decoded in one batch with the token before.
2. Otherwise a token is drawn from the model's own distribution. A draft's next token takes its place where
   it is about as likely, and the constraint accepts it.
3. If the constraint refuses the drawn token, another one is drawn under its mask. `sampling` shows why this
   gives the distribution of the mask; samplers for which it does not hold mask first.

A model that reasons does so before all this, unconstrained, until `ReasoningState` says that it is over.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol

from agx.engine.chat.reasoning_state import ReasoningState
from agx.engine.draft import DraftCursor
from agx.engine.sequence import Sequence
from agx.engine.stops import StopFinder
from agx.engine.text_decoder import TextDecoder
from agx.errors import ConstraintFailed, ModelBroken
from agx.grammar.constraint import Constraint
from agx.requests import FinishReason, Usage

if TYPE_CHECKING:
    from agx.engine.pool import Pool

_PHASES = ("template", "tokenise", "constraint", "prefill", "decode", "sample")


class Timings:
    """Milliseconds by phase. `prefill` and `decode` are the time inside the model."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self._secs = dict.fromkeys(_PHASES, 0.0)

    def add(self, phase: str, since: float) -> None:
        """Add the time from `since`, of `time.perf_counter`, to now."""
        self._secs[phase] += time.perf_counter() - since

    @contextmanager
    def measure(self, phase: str) -> Iterator[None]:
        """Add the time of a block."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(phase, started)

    @property
    def elapsed_secs(self) -> float:
        """The time since the request began."""
        return time.perf_counter() - self.began

    def as_dict(self) -> dict[str, float]:
        """Return milliseconds by phase, and the total."""
        all_secs = self._secs | {"total": self.elapsed_secs}
        return {phase: round(secs * 1000, 3) for phase, secs in all_secs.items()}


class Sampler(Protocol):
    """Draws the tokens of one generation out of rows of logits, those that the model computed last."""

    masks_first: bool
    """Whether the mask has to come before a token is drawn, and not only where one is refused."""

    def read(self, source: Any) -> None:  # noqa: ANN401  what holds logits is the engine's own affair
        """Draw from these logits from now on, a row a position."""

    def draw(self, row: int) -> int:
        """Draw from the model's own distribution."""

    def draw_masked(self, row: int, mask: bytes) -> int:
        """Draw among the tokens whose byte in the mask is not 0."""

    def logit(self, row: int, token: int) -> float:
        """Return the model's own logit of a token."""

    def accept(self, token: int) -> None:
        """Count a token that was not drawn here for the repetition penalty."""

    def forget(self) -> None:
        """Forget what was drawn: the answer may repeat the reasoning without a penalty."""

    def close(self) -> None:
        """Free what it holds."""


@dataclass(slots=True)
class Generation:
    """A request while it runs. `end_ids` are the tokens that end a text, `pool` where its memory is.

    Where there is `reasoning`, the answer begins behind it: until then nothing is constrained, and the
    sequence may use the whole context; from then on it has room for `max_tokens`.
    """

    request_id: int
    sequence: Sequence
    sampler: Sampler
    decoder: TextDecoder
    constraint: Constraint | None
    end_ids: set[int]
    max_tokens: int
    seed: int
    deadline_secs: float | None
    timings: Timings
    reasoning: ReasoningState | None = None
    draft: DraftCursor | None = None
    draft_margin: float = 0.0
    is_seeded: bool = False
    pool: Pool | None = None
    stops: StopFinder | None = None
    has_ended: bool = False
    num_reasoning: int = 0
    num_looked_up: int = 0
    warnings: tuple[str, ...] = ()
    _unread: list[int] = field(default_factory=list)

    def take_forced(self) -> None:
        """Append the tokens that the constraint forces."""
        if self.constraint is None:
            return
        started = time.perf_counter()
        forced = self.constraint.take_forced()
        self.has_ended = self.constraint.is_finished
        self.timings.add("constraint", started)
        added = self.sequence.append(forced, forced=True)
        if len(added) < len(forced):
            self.has_ended = False
        for token in added:
            self.sampler.accept(token)
            self._follow(token)
        self._unread += added

    def draw_next(self, row: int) -> None:
        """Draw a token from the logits of this row, and append it with the tokens that it forces.

        Raises `ConstraintFailed` and `ModelBroken`. A token that the constraint refuses is never appended
        to an answer.
        """
        if self.is_reasoning:
            self._draw_reasoning(row)
            if self.is_reasoning or self.sequence.num_pending or self.finish_reason is not None:
                return  # else the model skips reasoning, and this row is the answer's first
        token = self._draw(row)
        if token in self.end_ids:
            self.has_ended = True
            return
        self.sequence.append([token])
        self._follow(token)
        self._unread.append(token)
        self.take_forced()

    def guess(self, room: int) -> tuple[int, ...]:
        """Return tokens of the draft that are likely to follow, at most `room`."""
        if self.draft is None or self.is_reasoning:
            return ()
        return tuple(self.draft.guess(min(room, self.sequence.room)))

    def learn(self, *, num_guessed: int, num_right: int) -> None:
        """Note how many of the last guesses were right."""
        assert self.draft is not None
        self.draft.learn(num_guessed=num_guessed, num_right=num_right)
        self.num_looked_up += num_right

    @property
    def is_reasoning(self) -> bool:
        """Whether the model still reasons, and the answer has not begun."""
        return self.reasoning is not None and not self.reasoning.is_over

    def begin(self, *, may_reason: bool) -> None:
        """Append what is known before anything is drawn; without room for reasoning the answer begins."""
        if self.reasoning is None:
            self.take_forced()
        elif not may_reason:
            self._take_reasoning(self.reasoning.close())

    def _draw_reasoning(self, row: int) -> None:
        assert self.reasoning is not None
        token = self._sample(row)
        self._take_reasoning(self.reasoning.take(token, ends_text=token in self.end_ids), drawn=token)

    def _take_reasoning(self, tokens: list[int], *, drawn: int | None = None) -> None:
        """Append tokens of the reasoning; all but the drawn one count as forced."""
        num_drawn = 1 if tokens[:1] == [drawn] else 0
        self.sequence.append(tokens[:num_drawn])
        self.sequence.append(tokens[num_drawn:], forced=True)
        if self.is_reasoning:
            return
        self.num_reasoning = self.sequence.num_generated
        self.sequence.allow(self.max_tokens)
        self.sampler.forget()
        self.take_forced()

    def _draw(self, row: int) -> int:
        if self.constraint is None or not self.sampler.masks_first:
            token = self._sample(row)
            preferred = self._preferred(token, row)
            if preferred != token and self._accepts(preferred):
                return preferred
            if self._accepts(token):
                return token
        mask_started = time.perf_counter()
        assert self.constraint is not None
        mask = self.constraint.mask()
        self.timings.add("constraint", mask_started)
        token = self._sample(row, mask)
        if not self._accepts(token):
            raise ConstraintFailed(f"token {token} was drawn, which the grammar refuses")
        return token

    def _sample(self, row: int, mask: bytes | None = None) -> int:
        """Draw a token; raises `ModelBroken` where its logit is not a number."""
        started = time.perf_counter()
        token = self.sampler.draw(row) if mask is None else self.sampler.draw_masked(row, mask)
        self.timings.add("sample", started)
        if not isfinite(self.sampler.logit(row, token)):
            raise ModelBroken(
                "the model computed something that is no number",
                hint="fetch its file again, or use another quantisation: weights are damaged or too large",
            )
        return token

    def _preferred(self, token: int, row: int) -> int:
        """Return the draft's next token unless the drawn one is clearly likelier."""
        known = self._known(row)
        if known is None or known == token:
            return token
        gain = self.sampler.logit(row, token) - self.sampler.logit(row, known)
        return token if gain > self.draft_margin else known

    def _known(self, row: int) -> int | None:
        """Return the draft's next token, the likeliest end of a text at its end, or None where it is lost."""
        if self.draft is None:
            return None
        if self.draft.is_at_end and self.end_ids:
            return max(self.end_ids, key=lambda end: self.sampler.logit(row, end))
        return self.draft.next_token

    def _follow(self, token: int) -> None:
        if self.draft is not None:
            self.draft.take(token)

    def _accepts(self, token: int) -> bool:
        """Return whether the token may come next, and advance the constraint if so."""
        if self.constraint is None:
            return True
        started = time.perf_counter()
        ends_here = token in self.end_ids and self.constraint.is_accepting
        accepted = ends_here or (token not in self.end_ids and self.constraint.accept(token))
        self.timings.add("constraint", started)
        return accepted

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why the generation is over; None while it is not."""
        if self.has_ended:
            return "stop"
        return "length" if self.sequence.room == 0 else None

    @property
    def is_late(self) -> bool:
        """Whether the time limit has passed."""
        return self.deadline_secs is not None and self.timings.elapsed_secs > self.deadline_secs

    def read_reasoning(self) -> str:
        """Return the reasoning that was written since the last call."""
        return "" if self.reasoning is None else self.reasoning.read()

    def read_text(self, *, is_final: bool = False) -> str:
        """Return the text of the answer that was written since the last call."""
        tokens, self._unread = self._unread, []
        text = self.decoder.decode(tokens, is_final=is_final)
        if self.stops is None:
            return text
        text = self.stops.feed(text, is_final=is_final)
        self.has_ended = self.has_ended or self.stops.has_stopped
        return text

    def usage(self) -> Usage:
        """Return the usage so far."""
        return Usage(
            prompt_tokens=self.sequence.num_prompt,
            completion_tokens=self.sequence.num_generated,
            reasoning_tokens=self.sequence.num_generated if self.is_reasoning else self.num_reasoning,
            forced_tokens=self.sequence.num_forced,
            cached_tokens=self.sequence.num_cached,
            looked_up_tokens=self.num_looked_up,
            seed=self.seed,
            timings_ms=self.timings.as_dict(),
        )
