"""One running generation: a sequence with what draws, constrains, times and decodes it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from agx.engine.draft import Draft
from agx.engine.sampling import Sampler, logit
from agx.engine.sequence import Sequence
from agx.engine.tokens import TextDecoder
from agx.engine.values import FinishReason
from agx.errors import ConstraintFailed
from agx.grammar.matcher import Constraint

_PHASES = ("template", "tokenise", "constraint", "prefill", "decode", "sample")


class Timings:
    """Milliseconds by phase. `prefill` and `decode` are the time inside llama_decode."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self._secs = dict.fromkeys(_PHASES, 0.0)

    def add(self, phase: str, since: float) -> None:
        """Count the time from `since` (of `time.perf_counter`) to now."""
        self._secs[phase] += time.perf_counter() - since

    @contextmanager
    def measure(self, phase: str) -> Iterator[None]:
        """Count the time of a block."""
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
        """Give milliseconds by phase, and the total."""
        all_secs = self._secs | {"total": self.elapsed_secs}
        return {phase: round(secs * 1000, 3) for phase, secs in all_secs.items()}


@dataclass(slots=True)
class Generation:
    """What the loop keeps of a request while it runs. `end_ids` are the tokens that end a free text."""

    request_id: int
    sequence: Sequence
    sampler: Sampler
    decoder: TextDecoder
    constraint: Constraint | None
    end_ids: set[int]
    seed: int
    deadline_secs: float | None
    timings: Timings
    draft: Draft | None = None
    draft_margin: float = 0.0
    has_ended: bool = False
    _unread: list[int] = field(default_factory=list)

    def take_forced(self) -> None:
        """Append what the constraint forces; those tokens are decoded in one batch with the last one."""
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

    def draw_next(self, context_address: int, row: int) -> None:
        """Draw a token from that row's logits and append it with what it forces.

        Raises `ConstraintFailed`; nothing that the constraint refuses is ever appended.
        """
        token = self._draw(context_address, row)
        if token in self.end_ids:
            self.has_ended = True
            return
        self.sequence.append([token])
        self._follow(token)
        self._unread.append(token)
        self.take_forced()

    def _draw(self, context_address: int, row: int) -> int:
        started = time.perf_counter()
        if self.constraint is None or not self.sampler.masks_first:
            token = self.sampler.draw(context_address, row)
            self.timings.add("sample", started)
            preferred = self._preferred(token, context_address, row)
            if preferred != token and self._accepts(preferred):
                return preferred
            if self._accepts(token):
                return token
        mask_started = time.perf_counter()
        assert self.constraint is not None
        mask = self.constraint.mask()
        self.timings.add("constraint", mask_started)
        started = time.perf_counter()
        token = self.sampler.draw_masked(context_address, row, mask)
        self.timings.add("sample", started)
        if not self._accepts(token):
            raise ConstraintFailed(f"token {token} was drawn, which the grammar refuses")
        return token

    def _preferred(self, token: int, context_address: int, row: int) -> int:
        """Give the draft's next token where the one that was drawn is not clearly likelier."""
        known = None if self.draft is None else self.draft.next_token
        if known is None or known == token:
            return token
        gain = logit(context_address, row, token) - logit(context_address, row, known)
        return token if gain > self.draft_margin else known

    def _follow(self, token: int) -> None:
        if self.draft is not None:
            self.draft.take(token)

    def _accepts(self, token: int) -> bool:
        """Tell whether the token may come next, and take it into the constraint if so."""
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
        """Whether its time limit has run out."""
        return self.deadline_secs is not None and self.timings.elapsed_secs > self.deadline_secs

    def read_text(self, *, is_final: bool = False) -> str:
        """Give the text that has come since the last call."""
        tokens, self._unread = self._unread, []
        return self.decoder.decode(tokens, is_final=is_final)

    def usage(self) -> Mapping[str, Any]:
        """Give what the generation has cost so far."""
        return {
            "prompt_tokens": self.sequence.num_prompt,
            "completion_tokens": self.sequence.num_generated,
            "forced_tokens": self.sequence.num_forced,
            "seed": self.seed,
            "timings_ms": self.timings.as_dict(),
        }
