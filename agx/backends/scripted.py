"""A backend that plays texts it was given: for tests of everything above the seam."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from agx.backends.base import BackendKind, Health, ModelFacts
from agx.backends.plans import GeneratesPlans
from agx.errors import AgxError, DeadlineExceeded, Unsupported, UsageError
from agx.requests import Chunk, FinishReason, GenerationRequest, Usage


@dataclass(frozen=True, slots=True)
class ScriptedReply:
    """A text and how it ends: with a finish reason, or with an error.

    `thoughts` come first. `chunk_delay_secs` passes before each chunk, so that there is time to cancel.
    """

    text: str
    finish_reason: FinishReason = "stop"
    error: AgxError | None = None
    chunk_delay_secs: float = 0.0
    thoughts: str = ""


Reply = str | AgxError | ScriptedReply | Callable[[GenerationRequest], "str | AgxError | ScriptedReply"]


class ScriptedBackend(GeneratesPlans):
    """Plays `replies` in order, one a request, and keeps the requests in `requests`.

    A reply is a text, an error to raise, a `ScriptedReply`, or a function that makes one of the
    request. The text is played as it is, whatever schema or grammar the request has: what comes above
    has to validate it. `stopped` counts the generations that were closed before their end.
    """

    def __init__(  # noqa: PLR0913  what facts it has
        self,
        replies: Sequence[Reply],
        *,
        model_name: str = "scripted",
        planner_tools: str | None = None,
        takes_grammar: bool = False,
        follows_drafts: bool = False,
        call_format: str | None = None,
        chunk_characters: int = 8,
    ) -> None:
        self.requests: list[GenerationRequest] = []
        self.stopped = 0
        self.is_closed = False
        self._replies = list(replies)
        self._model_name = model_name
        self._planner_tools = planner_tools
        self._takes_grammar = takes_grammar
        self._follows_drafts = follows_drafts
        self._call_format = call_format
        self._chunk_characters = chunk_characters

    def __repr__(self) -> str:
        left = len(self._replies) - len(self.requests)
        return f"<ScriptedBackend {self._model_name}, {left} replies left>"

    @property
    def backend_type(self) -> BackendKind:
        """Always `BackendKind.SCRIPTED`."""
        return BackendKind.SCRIPTED

    @property
    def model_name(self) -> str:
        """The name it was given."""
        return self._model_name

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        """Stream the next reply; raises its error, and `UsageError` when none is left."""
        reply = self._next_reply(request)
        now = asyncio.get_running_loop().time()
        deadline_at = None if request.deadline_secs is None else now + request.deadline_secs
        is_stopped = True
        try:
            for chunk in self._chunks(reply):
                await _pause(reply.chunk_delay_secs, deadline_at=deadline_at)
                yield chunk
            is_stopped = False
        except DeadlineExceeded:
            is_stopped = False
            raise
        finally:
            self.stopped += is_stopped
        if reply.error is not None:
            raise reply.error
        yield Chunk("", finish_reason=reply.finish_reason, usage=self._usage(request, reply))

    async def model_facts(self) -> ModelFacts:
        """Return the name it was given: a script has no file."""
        return ModelFacts(
            self._model_name,
            "scripted",
            context_length=1 << 20,
            planner_tools=self._planner_tools,
            takes_grammar=self._takes_grammar,
            follows_drafts=self._follows_drafts,
            call_format=self._call_format,
        )

    async def render(self, request: GenerationRequest) -> tuple[str, int]:
        """Return the messages as a prompt, and the number of its words."""
        prompt = "\n".join(f"{message.role}: {message.content}" for message in request.messages)
        return prompt, len(prompt.split())

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Raise `Unsupported`: a script has no embeddings."""
        raise Unsupported(f"a script makes no embeddings ({len(texts)} texts asked for)")

    async def health_check(self) -> Health:
        """Say that it can plan while it is open."""
        return Health(ok=not self.is_closed, detail=repr(self))

    async def aclose(self) -> None:
        """Refuse requests from now on."""
        self.is_closed = True

    def _next_reply(self, request: GenerationRequest) -> ScriptedReply:
        if self.is_closed:
            raise UsageError("the backend is closed", hint="make a new one")
        if len(self.requests) == len(self._replies):
            raise UsageError(f"the script has only {len(self._replies)} replies", hint="give it more")
        reply = self._replies[len(self.requests)]
        self.requests.append(request)
        if not isinstance(reply, str | AgxError | ScriptedReply):
            reply = reply(request)
        if isinstance(reply, AgxError):
            return ScriptedReply("", error=reply)
        return ScriptedReply(reply) if isinstance(reply, str) else reply

    def _pieces(self, text: str) -> list[str]:
        size = self._chunk_characters
        return [text[start : start + size] for start in range(0, len(text), size)]

    def _chunks(self, reply: ScriptedReply) -> list[Chunk]:
        thoughts = [Chunk(piece, is_reasoning=True) for piece in self._pieces(reply.thoughts)]
        return thoughts + [Chunk(piece) for piece in self._pieces(reply.text)]

    def _usage(self, request: GenerationRequest, reply: ScriptedReply) -> Usage:
        """Count a chunk as a token, and a word of the prompt."""
        return Usage(
            prompt_tokens=sum(len(message.content.split()) for message in request.messages),
            completion_tokens=len(self._chunks(reply)),
            reasoning_tokens=len(self._pieces(reply.thoughts)),
            seed=request.seed if request.seed is not None else 0,
        )


async def _pause(delay_secs: float, *, deadline_at: float | None) -> None:
    try:
        async with asyncio.timeout_at(deadline_at):
            await asyncio.sleep(delay_secs)
    except TimeoutError:
        raise DeadlineExceeded("the time limit of the request ran out", hint="allow more time") from None
