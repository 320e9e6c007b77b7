"""From a request to a generation that can be decoded: prompt, budgets, constraint, sampler, draft."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import takewhile
from typing import Any, Protocol

from agx.engine.chat.prompt_writer import Conversation, Prompt, PromptWriter
from agx.engine.chat.reasoning_state import ReasoningState
from agx.engine.draft import DraftCursor
from agx.engine.generation import Generation, Sampler, Timings
from agx.engine.prefix import BLOCK
from agx.engine.room import check_room, room_to_reason
from agx.engine.sequence import Sequence
from agx.engine.stops import StopFinder
from agx.engine.token_texts import TokenTexts
from agx.errors import TemplateError, UsageError
from agx.grammar.constraint import Constraint, ConstraintCompiler
from agx.requests import MAX_SEED, GenerationRequest, Message, Parameters, checked_seed


class Model(Protocol):
    """What a request is prepared with, whichever library computes the logits."""

    prompts: PromptWriter
    compiler: ConstraintCompiler

    @property
    def vocabulary(self) -> TokenTexts:
        """The model's tokens."""
        ...

    @property
    def context_length(self) -> int:
        """How many tokens one sequence may have."""
        ...

    @property
    def keeps_static_prompts(self) -> bool:
        """Whether what is computed of a prompt's static part is kept for other requests."""
        ...

    def sampler(self, parameters: Parameters, *, seed: int) -> Sampler:
        """Return the sampler of one generation."""
        ...


def prepare(model: Model, request_id: int, request: GenerationRequest) -> Generation:
    """Return the generation of a request, up to the first token that must be drawn.

    Raises `PromptTooLong`, `TemplateError`, `ConstraintFailed` and `ConfigError`.
    """
    timings = Timings()
    parameters = request.parameters.checked()
    seed = checked_seed(request.seed, fresh=int.from_bytes(os.urandom(8), "little") % MAX_SEED)
    with timings.measure("template"):
        prompt = model.prompts.write(conversation(request))
    with timings.measure("tokenise"):
        tokens = tokenise_prompt(model, prompt)
    check_room(model.context_length, len(tokens), max_tokens=parameters.max_tokens)
    with timings.measure("constraint"):
        constraint = _constraint(model, request)
    budget = room_to_reason(
        model.context_length,
        prompt.reasoning_tokens,
        num_prompt_tokens=len(tokens),
        max_tokens=parameters.max_tokens,
    )
    reasoning = _reasoning(model, prompt, budget=budget)
    length = model.context_length
    max_tokens = length if reasoning is not None else parameters.max_tokens
    generation = Generation(
        request_id=request_id,
        sequence=Sequence(
            tokens,
            max_tokens=max_tokens,
            context_length=length,
            num_static=_num_static(model, request, tokens) if model.keeps_static_prompts else 0,
        ),
        sampler=model.sampler(parameters, seed=seed),
        decoder=model.vocabulary.decoder(shows_control=_may_call(request)),
        constraint=constraint,
        end_ids=model.vocabulary.end_ids,
        max_tokens=parameters.max_tokens,
        seed=seed,
        deadline_secs=request.deadline_secs,
        timings=timings,
        reasoning=reasoning,
        warnings=prompt.warnings,
        draft=_draft(model, request) if parameters.is_greedy else None,
        draft_margin=request.draft_margin,
        is_seeded=request.seed is not None,
        stops=StopFinder(request.stop) if request.stop else None,
    )
    generation.begin(may_reason=budget > 0)
    return generation


def _num_static(model: Model, request: GenerationRequest, tokens: list[int]) -> int:
    """Return how many tokens, in whole blocks, the static messages make of a prompt.

    They are those that the prompt has in common with that of the static messages alone.
    """
    messages = request.messages[: request.num_static_messages]
    if not messages:
        return 0
    try:
        prompt = model.prompts.write(conversation(replace(request, messages=messages)))
    except TemplateError:  # some templates ask for a last message of the user
        return 0
    alone = tokenise_prompt(model, prompt)
    pairs = zip(alone, tokens[:-1], strict=False)
    num_common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return num_common // BLOCK * BLOCK


def _constraint(model: Model, request: GenerationRequest) -> Constraint | None:
    if request.grammar is None:
        return None if request.schema is None else model.compiler.compile(request.schema)
    if request.schema is not None:
        raise UsageError("the request has a schema and a grammar", hint="give one of them")
    return model.compiler.compile_grammar(request.grammar)


def tokenise_prompt(model: Model, prompt: Prompt) -> list[int]:
    """Return the prompt's tokens; raises `PromptTooLong` for a prompt longer than the context."""
    return model.vocabulary.tokenise_prompt(prompt.text, broken_by=prompt.mark, at_most=model.context_length)


def rendered(model: Model, request: GenerationRequest) -> tuple[str, int, tuple[str, ...]]:
    """Return the prompt that a request makes, its number of tokens, and warnings about it."""
    prompt = model.prompts.write(conversation(request))
    num_tokens = len(tokenise_prompt(model, prompt))
    return prompt.text.replace(prompt.mark, ""), num_tokens, prompt.warnings


def conversation(request: GenerationRequest) -> Conversation:
    """Return what a request says, as a chat template takes it."""
    return Conversation(
        messages=list(map(_templated, request.messages)),
        tools=request.tools,
        tools_text=request.tools_text,
        reasoning_tokens=request.reasoning_tokens,
    )


def _templated(message: Message) -> dict[str, Any]:
    """Return a message as templates take it: calls in OpenAI's form, their arguments as an object."""
    data = message.as_dict()
    if message.tool_calls:
        data["tool_calls"] = [
            {"type": "function", "id": call.id, "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    return data


def _reasoning(model: Model, prompt: Prompt, *, budget: int) -> ReasoningState | None:
    if prompt.markers is None:
        return None
    return ReasoningState(prompt.markers, prompt.opening, tokens=model.vocabulary, budget=budget)


def _may_call(request: GenerationRequest) -> bool:
    return bool(request.tools) and request.schema is None and request.grammar is None


def _draft(model: Model, request: GenerationRequest) -> DraftCursor | None:
    if request.draft is None:
        return None
    return DraftCursor(model.vocabulary.tokenise_exactly(request.draft))
