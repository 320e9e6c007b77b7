"""The engine: one model, and the loop that generates with it.

`step` is one iteration: schedule, decode, mask, sample, advance. A request goes through `start`, then
through as many steps as it takes. Its events end with one `DoneEvent` or `ErrorEvent`.

All calls come from one thread, except `cancel`, which sets llama.cpp's abort flag. An aborted decode loses
the memory of all sequences; those that were not cancelled rewind, and decode their tokens again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from agx.engine.events import DoneEvent, ErrorEvent, Event, Stage, TextEvent
from agx.engine.generation import Generation
from agx.engine.model import Model
from agx.engine.prefix import CachedPrompt
from agx.engine.preparing import conversation, prepare
from agx.engine.scheduler import Slice, schedule
from agx.engine.sequence import Sequence as TokenSequence
from agx.engine.sequence import State
from agx.errors import AgxError, DeadlineExceeded, UsageError
from agx.requests import FinishReason, GenerationRequest, LoadOptions


class Engine:
    """Generates text with one model, one request at a time."""

    def __init__(self) -> None:
        self._model: Model | None = None
        self._cached = CachedPrompt()
        self._running: dict[int, Generation] = {}
        self._lock = threading.Lock()
        # Guarded by the lock: the requests, and those of them that are to end.
        self._known: set[int] = set()
        self._cancelled: set[int] = set()

    @property
    def has_work(self) -> bool:
        """Whether `step` has something to do."""
        return bool(self._running)

    @property
    def stage(self) -> Stage:
        """What the engine is doing; a death is reported with it."""
        if not self._running:
            return "idle"
        return "generating" if any(each.state is State.DECODING for each in self._sequences()) else "prefill"

    def load(
        self, path: str, options: LoadOptions, *, progress: Callable[[float], None] | None = None
    ) -> dict[str, Any]:
        """Load a model in place of the present one and return its facts; raises what `Model` raises.

        `progress` is called with the part of the weights that has been read, from 0 to 1.
        """
        self.close()
        self._model = Model(path, options, progress=progress)
        return self._model.facts()

    def render(self, request: GenerationRequest) -> tuple[str, int]:
        """Return the prompt that a request makes, and its number of tokens."""
        model = self._loaded()
        prompt = model.prompts.write(conversation(request))
        tokens = model.tokenise_prompt(prompt.text, mark=prompt.mark)
        return prompt.text.replace(prompt.mark, ""), len(tokens)

    def start(self, request_id: int, request: GenerationRequest) -> None:
        """Prepare a request for `step`: prompt, budget, constraint, sampler.

        Raises `PromptTooLong`, `TemplateError`, `ConstraintFailed` and `ConfigError`, and then leaves
        nothing to clean up.
        """
        model = self._loaded()
        if self._running:
            raise UsageError("a generation is running", hint="wait for its end, or cancel it")
        with self._lock:
            self._known.add(request_id)
        try:
            self._running[request_id] = generation = prepare(
                model, request_id, request, make_room=self._make_room
            )
        except BaseException:
            self._leave(request_id)
            raise
        self._reuse_prefix(generation.sequence)

    def step(self) -> list[Event]:
        """Do one iteration and return its events."""
        events = self._end_early()
        budget = self._loaded().context.batch_size
        slices = self._with_guesses(schedule(self._sequences(), token_budget=budget), token_budget=budget)
        if not slices:
            return events
        try:
            rows = self._decode(slices)
        except AgxError as error:
            return events + [self._fail(generation, error) for generation in list(self._running.values())]
        if rows is None:  # aborted: requests that were not cancelled begin again
            self._cached.clear()
            for sequence in self._sequences():
                sequence.rewind()
            return events + self._end_early()
        for piece, row in zip(slices, rows, strict=True):
            piece.sequence.advance(piece.stop - piece.start)
            if piece.sequence.num_pending == 0:
                events += self._advance(self._generation_of(piece.sequence), row, piece.guesses)
        return events

    def cancel(self, request_id: int) -> None:
        """End a request soon, with the finish reason "cancelled". May be called from any thread."""
        with self._lock:
            if request_id not in self._known:
                return
            self._cancelled.add(request_id)
            if self._model is not None:
                self._model.context.abort()

    def close(self) -> None:
        """Drop what runs, and free the model; safe to call twice."""
        for generation in list(self._running.values()):
            self._drop(generation)
        if self._model is not None:
            with self._lock:
                model, self._model = self._model, None
            model.close()
        self._cached.clear()

    # --- the model's memory ----------------------------------------------------------------------

    def _make_room(self, num_tokens: int) -> None:
        """Let the context grow to what a request needs. What it held is lost then."""
        with self._lock:  # `cancel` uses the context from another thread
            if self._loaded().make_room(num_tokens):
                self._cached.clear()

    def _reuse_prefix(self, sequence: TokenSequence) -> None:
        """Begin behind what the memory holds of the prompt, and free the rest."""
        context, num_tokens = self._loaded().context, self._cached.num_reusable(sequence.prompt)
        if num_tokens and context.keep_prefix(sequence.slot, num_tokens):
            sequence.resume(num_tokens)
        else:
            context.clear()
        self._cached.clear()

    def _keep_prefix(self, sequence: TokenSequence) -> None:
        """Remember what of a prompt the memory holds, for the next one that begins alike."""
        if self._loaded().can_reuse_prefix:
            self._cached.keep(sequence.prompt, num_computed=min(sequence.num_decoded, sequence.num_prompt))

    # --- one iteration's parts -------------------------------------------------------------------

    def _end_early(self) -> list[Event]:
        """End requests that are cancelled, late, or complete before their first token is drawn."""
        with self._lock:
            cancelled = set(self._cancelled)
        events: list[Event] = []
        for generation in list(self._running.values()):
            if generation.request_id in cancelled:
                events += self._finish(generation, "cancelled")
            elif generation.is_late:
                message = f"the time limit of {generation.deadline_secs:.3g} s ran out while generating"
                events.append(self._fail(generation, DeadlineExceeded(message, hint="allow more time")))
            elif generation.finish_reason is not None:
                events += self._finish(generation, generation.finish_reason)
        return events

    def _decode(self, slices: Sequence[Slice]) -> list[int] | None:
        started = time.perf_counter()
        for piece in slices:
            piece.sequence.begin()
        rows = self._loaded().context.decode(slices)
        for piece in slices:
            phase = "prefill" if piece.sequence.state is State.PREFILL else "decode"
            self._generation_of(piece.sequence).timings.add(phase, started)
        return rows

    def _with_guesses(self, slices: list[Slice], *, token_budget: int) -> list[Slice]:
        """Add what the drafts let expect, where memory behind a sequence can be freed again."""
        if not self._loaded().can_reuse_prefix:
            return slices
        room = token_budget - sum(piece.stop - piece.start for piece in slices)
        guessed = []
        for piece in slices:
            guesses = self._generation_of(piece.sequence).guess(room) if piece.wants_logits else ()
            room -= len(guesses)
            guessed.append(replace(piece, guesses=guesses) if guesses else piece)
        return guessed

    def _advance(self, generation: Generation, row: int, guesses: tuple[int, ...]) -> list[Event]:
        """Draw the next token of a generation that has no pending tokens, and on while guesses are right.

        The logits behind a guess that turned out right are there already, in the next row.
        """
        sequence, num_right = generation.sequence, 0
        try:
            while sequence.num_pending == 0 and generation.finish_reason is None:
                generation.draw_next(self._loaded().context.address, row + num_right)
                num_same = sequence.num_pending_as(guesses[num_right:])
                if num_same == 0:
                    break
                sequence.advance(num_same)
                num_right += num_same
        except AgxError as error:
            return [self._fail(generation, error)]
        if guesses:
            self._drop_guesses(generation, num_guessed=len(guesses), num_right=num_right)
        if generation.finish_reason is not None:
            return self._finish(generation, generation.finish_reason)
        return _text_events(generation)

    def _drop_guesses(self, generation: Generation, *, num_guessed: int, num_right: int) -> None:
        """Free the memory of guesses that were wrong."""
        assert generation.draft is not None
        generation.draft.learn(num_guessed=num_guessed, num_right=num_right)
        generation.num_looked_up += num_right
        if num_right < num_guessed:
            sequence = generation.sequence
            was_freed = self._loaded().context.keep_prefix(sequence.slot, sequence.num_decoded)
            assert was_freed, "guesses are made only where they can be taken back"

    def _finish(self, generation: Generation, reason: FinishReason) -> list[Event]:
        events = _text_events(generation, is_final=True)
        usage = generation.usage()
        self._drop(generation, with_data=reason == "cancelled")
        return [*events, DoneEvent(generation.request_id, reason, usage)]

    def _fail(self, generation: Generation, error: AgxError) -> Event:
        self._drop(generation, with_data=True)
        return ErrorEvent(generation.request_id, error)

    def _drop(self, generation: Generation, *, with_data: bool = False) -> None:
        """Free what a generation holds.

        `with_data`: it ended badly, so the model's memory may hold anything and is overwritten.
        """
        generation.sequence.finish()
        generation.sampler.close()
        del self._running[generation.request_id]
        if with_data:
            self._loaded().context.clear(with_data=True)
        else:
            self._keep_prefix(generation.sequence)
        self._leave(generation.request_id)

    def _leave(self, request_id: int) -> None:
        """Forget a request; the abort flag stays set while others are still to be cancelled."""
        with self._lock:
            self._known.discard(request_id)
            self._cancelled.discard(request_id)
            if self._model is not None:
                self._model.context.abort(aborts=bool(self._cancelled))

    def _sequences(self) -> list[TokenSequence]:
        return [generation.sequence for generation in self._running.values()]

    def _generation_of(self, sequence: TokenSequence) -> Generation:
        return next(each for each in self._running.values() if each.sequence is sequence)

    def _loaded(self) -> Model:
        if self._model is None:
            raise UsageError("no model is loaded", hint="load one first")
        return self._model


def _text_events(generation: Generation, *, is_final: bool = False) -> list[Event]:
    reasoning, text = generation.read_reasoning(), generation.read_text(is_final=is_final)
    events = [TextEvent(generation.request_id, reasoning, is_reasoning=True)] if reasoning else []
    return [*events, *([TextEvent(generation.request_id, text)] if text else [])]
