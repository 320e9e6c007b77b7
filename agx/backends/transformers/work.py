"""The two things that a loaded model is asked for: a text, token by token, and embeddings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from agx.backends.transformers.model import TransformersModel
from agx.engine.generation import Generation
from agx.engine.preparing import prepare
from agx.engine.sequence import State
from agx.errors import PromptTooLong
from agx.requests import Chunk, GenerationRequest, PromptProgress

_TEXTS_AT_ONCE = 8
Goes = Callable[[], bool]


def generated(model: TransformersModel, request: GenerationRequest, goes_on: Goes) -> Iterator[Chunk | str]:
    """Yield warnings, as texts, and the chunks of an answer; ends early once `goes_on` is false.

    What the grammar forces is decoded together with the token before it. Raises what `prepare` raises,
    `ConstraintFailed`, `ModelBroken` and `OutOfMemory`.
    """
    cache = model.new_cache()
    generation = prepare(model, 0, request)
    yield from generation.warnings
    sequence = generation.sequence
    try:
        while goes_on():
            if generation.finish_reason is not None:
                yield from _written(generation, is_final=True)  # which may turn out to have a stop sequence
                yield Chunk("", finish_reason=generation.finish_reason, usage=generation.usage())
                return
            phase = "decode" if sequence.state is State.DECODING else "prefill"
            sequence.begin()
            started = time.perf_counter()
            block = sequence.tokens[sequence.num_decoded :][: model.block_size]
            logits = model.decode(block, cache)
            generation.timings.add(phase, started)
            sequence.advance(len(block))
            if sequence.num_pending == 0:
                generation.sampler.read(logits)
                generation.draw_next(0)
                yield from _written(generation)
            elif sequence.num_decoded < sequence.num_prompt:
                yield Chunk("", prompt=PromptProgress(sequence.num_decoded, sequence.num_prompt))
    finally:
        generation.sampler.close()


def embedded(model: TransformersModel, texts: Sequence[str], goes_on: Goes) -> Iterator[list[list[float]]]:
    """Yield one vector a text, in groups and in order; ends early once `goes_on` is false.

    Raises `PromptTooLong` for a text of more tokens than the model takes, before any is computed.
    """
    tokens = [model.tokens_of(text) for text in texts]
    for place, each in enumerate(tokens, start=1):
        if len(each) > model.context_length:
            raise PromptTooLong(
                f"text {place} has {len(each):,} tokens, and the model takes {model.context_length:,}",
                hint="split the text, or embed it with a model that takes more",
                text=place,
                prompt_tokens=len(each),
                context_length=model.context_length,
            )
    for start in range(0, len(tokens), _TEXTS_AT_ONCE):
        if not goes_on():
            return
        yield model.pooled(tokens[start : start + _TEXTS_AT_ONCE])


def _written(generation: Generation, *, is_final: bool = False) -> Iterator[Chunk]:
    """Yield what was written since the last time."""
    reasoning = generation.read_reasoning()
    if reasoning:
        yield Chunk(reasoning, is_reasoning=True)
    text = generation.read_text(is_final=is_final)
    if text:
        yield Chunk(text)
