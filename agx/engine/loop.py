"""The engine: one model, and the loop that generates with it, for many requests at once.

A request goes through `start`, waits for its turn, and then takes as many steps as it needs. Its events end
with one `DoneEvent` or `ErrorEvent`. `step` is one iteration: the requests that write are decoded together,
each by a token and what is forced or guessed behind it, and of one prompt a block is read. So a long prompt
delays nobody by more than a block, and prompts are read in the order in which their requests came.

A request with a seed must give the same text whatever runs beside it. It is decoded alone, in a pool of its
own (`agx.engine.pool`), where such requests take turns.

All calls come from one thread, except `cancel`. It aborts a decode in which no other request takes part, and
leaves any other one alone: its request is then dropped before the next.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from agx.engine.embedding import Embedder
from agx.engine.events import DoneEvent, ErrorEvent, Event, PromptEvent, Stage, TextEvent
from agx.engine.generation import Generation
from agx.engine.model import Model
from agx.engine.pool import Pool
from agx.engine.preparing import prepare, rendered
from agx.engine.resident import LEAST_WEIGHTS_BYTES, give_back
from agx.engine.scheduler import Slice, next_block, schedule, share_guesses
from agx.engine.sequence import Sequence as TokenSequence
from agx.engine.sequence import State
from agx.errors import AgxError, DeadlineExceeded, ModelBroken, OutOfMemory, UsageError
from agx.requests import FinishReason, GenerationRequest, LoadOptions, PromptProgress
from agx.util.blob_cache import BlobCache


class Engine:
    """Generates text with one model."""

    def __init__(self) -> None:
        self._model: Model | None = None
        self._embedder: Embedder | None = None
        # All that were started, in that order. Those without a slot wait.
        self._running: dict[int, Generation] = {}
        self._lock = threading.Lock()
        # Guarded by the lock: the requests, those that are to end, and those in the running decode.
        self._known: set[int] = set()
        self._cancelled: set[int] = set()
        self._in_decode: frozenset[int] = frozenset()

    @property
    def has_work(self) -> bool:
        """Whether `step` has something to do."""
        return bool(self._running)

    @property
    def can_start(self) -> bool:
        """Whether a request that is started now need not wait for the end of another one."""
        return self._model is not None and len(self._running) < self._model.num_sequences

    @property
    def request_ids(self) -> tuple[int, ...]:
        """The requests that have been started and have not ended."""
        return tuple(self._running)

    @property
    def stage(self) -> Stage:
        """What the engine is doing; a death is reported with it."""
        if not self._running:
            return "idle"
        states = (each.sequence.state for each in self._running.values())
        return "generating" if State.DECODING in states else "prefill"

    def load(
        self,
        path: str,
        options: LoadOptions,
        *,
        cache: BlobCache | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> dict[str, Any]:
        """Load a model in place of the present one and return its facts; raises what `Model` raises.

        `cache` keeps for the next process what was computed of prompts. `progress` is called with the part of
        the weights that has been read, from 0 to 1.
        """
        self.close()
        self._model = Model(path, options, cache=cache, progress=progress)
        card = self._model.weights.card
        if card.size_bytes >= LEAST_WEIGHTS_BYTES:
            give_back(card.files)
        return self._model.facts()

    def load_embedder(
        self, path: str, options: LoadOptions, *, progress: Callable[[float], None] | None = None
    ) -> dict[str, Any]:
        """Load a model that makes embeddings and return its facts; raises what `Embedder` raises."""
        self.close()
        self._embedder = Embedder(path, options, progress=progress)
        return self._embedder.facts()

    def embed(self, request_id: int, texts: Sequence[str]) -> list[list[float]] | None:
        """Return one vector a text; None where the request was cancelled. See `Embedder.embed`."""
        if self._embedder is None:
            raise UsageError("no model for embeddings has been loaded", hint="load one")
        return self._embedder.embed(request_id, texts)

    def render(self, request: GenerationRequest) -> tuple[str, int, tuple[str, ...]]:
        """Return the prompt that a request makes, its number of tokens, and warnings about it."""
        return rendered(self._loaded(), request)

    def start(self, request_id: int, request: GenerationRequest) -> None:
        """Prepare a request for `step`: prompt, budget, constraint, sampler.

        Raises `PromptTooLong`, `TemplateError`, `ConstraintFailed` and `ConfigError`, and then leaves
        nothing to clean up.
        """
        model = self._loaded()
        with self._lock:
            self._known.add(request_id)
        try:
            self._running[request_id] = prepare(model, request_id, request)
        except BaseException:
            self._leave(request_id)
            raise

    def step(self) -> list[Event]:
        """Do one iteration and return its events."""
        events = self._end_early()
        for pool in self._loaded().pools:
            events += self._write(pool)
        return events + self._read()

    def cancel(self, request_id: int) -> None:
        """End a request soon, with the finish reason "cancelled". May be called from any thread."""
        if (embedder := self._embedder) is not None:
            embedder.cancel(request_id)
        with self._lock:
            if request_id not in self._known:
                return
            self._cancelled.add(request_id)
            self._set_abort_flag()

    def close(self) -> None:
        """Drop what runs, and free the model; safe to call twice."""
        for generation in list(self._running.values()):
            self._drop(generation)
        if self._model is not None:
            with self._lock:
                model, self._model = self._model, None
            model.close()
        embedder, self._embedder = self._embedder, None
        if embedder is not None:
            embedder.close()

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

    def _write(self, pool: Pool) -> list[Event]:
        """Decode what is pending of the requests in a pool whose prompts are read."""
        budget = pool.context.batch_size
        writing = [each.sequence for each in self._running.values() if each.pool is pool]
        slices = schedule(writing, token_budget=budget)
        return self._decode(pool, self._with_guesses(slices, token_budget=budget)) if slices else []

    def _read(self) -> list[Event]:
        """Read the next block of a prompt: of one that is begun, or of the next request's."""
        for generation in list(self._running.values()):
            if generation.sequence.state is State.DECODING:
                continue
            if generation.pool is None:
                pool = self._loaded().pool_for(is_seeded=generation.is_seeded)
                if not pool.has_free_slot:
                    continue
                try:
                    pool.begin(generation.sequence)
                    generation.pool = pool
                    self._restore(pool, generation.sequence)
                except OutOfMemory as error:
                    return [self._fail(generation, error)]
            return self._decode(generation.pool, [next_block(generation.sequence)])
        return []

    def _decode(self, pool: Pool, slices: Sequence[Slice]) -> list[Event]:
        """Decode, and draw the next tokens of the sequences that have nothing pending then."""
        generations = [self._generation_of(piece) for piece in slices]
        phases = ["decode" if each.sequence.state is State.DECODING else "prefill" for each in generations]
        for piece in slices:
            piece.sequence.begin()
        started = time.perf_counter()
        self._enter_decode(frozenset(each.request_id for each in generations))
        try:
            rows = pool.decode(slices)
        except AgxError as error:
            return self._fail_decode(pool, generations, error)
        finally:
            self._enter_decode(frozenset())
        for generation, phase in zip(generations, phases, strict=True):
            generation.timings.add(phase, started)
        if rows is None:  # aborted
            return self._end_early()
        events, is_broken = list[Event](), False
        for generation, piece, row in zip(generations, slices, rows, strict=True):
            generation.sequence.advance(piece.stop - piece.start)
            pool.remember(generation.sequence)
            if generation.sequence.num_pending:
                events += _prompt_events(generation)
            else:
                try:
                    events += self._advance(generation, row, piece.guesses)
                except AgxError as error:
                    is_broken |= isinstance(error, ModelBroken)
                    events.append(self._fail(generation, error))
        if is_broken:
            pool.forget()
        return events

    def _enter_decode(self, request_ids: frozenset[int]) -> None:
        """Note whose decode begins, or that none runs."""
        with self._lock:
            self._in_decode = request_ids
            self._set_abort_flag()

    def _set_abort_flag(self) -> None:
        """Abort the running decode where all that take part in it are cancelled; under the lock."""
        if self._model is not None:
            self._model.abort_flag.set(aborts=bool(self._in_decode) and self._in_decode <= self._cancelled)

    def _fail_decode(self, pool: Pool, generations: list[Generation], error: AgxError) -> list[Event]:
        """End what cannot be decoded; without memory that is the pool's newest request, and others go on."""
        if isinstance(error, OutOfMemory):
            return [self._fail([each for each in self._running.values() if each.pool is pool][-1], error)]
        events: list[Event] = [self._fail(generation, error) for generation in generations]
        pool.forget()
        return events

    def _with_guesses(self, slices: list[Slice], *, token_budget: int) -> list[Slice]:
        """Add what the drafts let expect, where memory behind a sequence can be freed again."""
        if not self._loaded().can_reuse_prefix:
            return slices
        pieces = [(piece, self._generation_of(piece)) for piece in slices]
        num_guessing = sum(each.draft is not None for piece, each in pieces if piece.wants_logits)
        room = share_guesses(
            num_guessing, room=token_budget - sum(piece.stop - piece.start for piece in slices)
        )
        return [
            replace(piece, guesses=each.guess(room)) if each.draft and piece.wants_logits else piece
            for piece, each in pieces
        ]

    def _advance(self, generation: Generation, row: int, guesses: tuple[int, ...]) -> list[Event]:
        """Draw the next token of a generation that has no pending tokens, and on while guesses are right.

        The logits behind a guess that turned out right are there already, in the next row. Raises
        `ConstraintFailed` and `ModelBroken`.
        """
        sequence, num_right = generation.sequence, 0
        assert generation.pool is not None
        generation.sampler.read(generation.pool.context.address)
        while sequence.num_pending == 0 and generation.finish_reason is None:
            generation.draw_next(row + num_right)
            num_same = sequence.num_pending_as(guesses[num_right:])
            if num_same == 0:
                break
            sequence.advance(num_same)
            num_right += num_same
        if guesses:
            generation.learn(num_guessed=len(guesses), num_right=num_right)
            if num_right < len(guesses):
                generation.pool.take_back(sequence)
        if generation.finish_reason is not None:
            return self._finish(generation, generation.finish_reason)
        return _text_events(generation)

    # --- the ends --------------------------------------------------------------------------------

    def _restore(self, pool: Pool, sequence: TokenSequence) -> None:
        """Let a sequence that nothing is known of begin with what an earlier process has computed."""
        store = self._loaded().prefix_store
        state = None if store is None or sequence.num_cached else store.find(sequence.static_prompt)
        if state is not None:
            pool.restore(sequence, state)

    def _store(self, generation: Generation) -> None:
        """Keep the static part of a prompt for later processes, once."""
        store, sequence, pool = self._loaded().prefix_store, generation.sequence, generation.pool
        if store is None or pool is None or sequence.num_decoded < sequence.num_prompt:
            return
        if store.is_missing(sequence.static_prompt):
            state = pool.static_state(sequence)
            if state:
                store.save(sequence.static_prompt, state)

    def _finish(self, generation: Generation, reason: FinishReason) -> list[Event]:
        events = _text_events(generation, is_final=True)
        if reason == "length" and generation.has_ended:  # by a stop sequence in the last token
            reason = "stop"
        usage = generation.usage()
        if reason != "cancelled":
            self._store(generation)
        self._drop(generation)
        return [*events, DoneEvent(generation.request_id, reason, usage, generation.warnings)]

    def _fail(self, generation: Generation, error: AgxError) -> Event:
        self._drop(generation)
        return ErrorEvent(generation.request_id, error)

    def _drop(self, generation: Generation) -> None:
        """Free what a generation holds."""
        generation.sequence.finish()
        generation.sampler.close()
        if generation.pool is not None:
            generation.pool.end(generation.sequence)
        del self._running[generation.request_id]
        self._leave(generation.request_id)

    def _leave(self, request_id: int) -> None:
        """Forget a request."""
        with self._lock:
            self._known.discard(request_id)
            self._cancelled.discard(request_id)

    def _generation_of(self, piece: Slice) -> Generation:
        return next(each for each in self._running.values() if each.sequence is piece.sequence)

    def _loaded(self) -> Model:
        if self._model is None:
            raise UsageError("no model is loaded", hint="load one first")
        return self._model


def _prompt_events(generation: Generation) -> list[Event]:
    sequence = generation.sequence
    if sequence.num_decoded >= sequence.num_prompt:
        return []
    return [PromptEvent(generation.request_id, PromptProgress(sequence.num_decoded, sequence.num_prompt))]


def _text_events(generation: Generation, *, is_final: bool = False) -> list[Event]:
    reasoning, text = generation.read_reasoning(), generation.read_text(is_final=is_final)
    events = [TextEvent(generation.request_id, reasoning, is_reasoning=True)] if reasoning else []
    return [*events, *([TextEvent(generation.request_id, text)] if text else [])]
