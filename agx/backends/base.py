"""The seam between AGX and whatever generates text: one small protocol and its values.

`ModelBackend.generate` is the one primitive: it yields chunks of text, the last of which carries
the usage and the finish reason. Everything above it is written once, for all backends.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

from agx.requests import Chunk, GenerationRequest, Message, Parameters
from agx.util.frozen import dataclass

if TYPE_CHECKING:
    from agx.risk.context import GeneratedPlan, PlanContext


class BackendKind(StrEnum):
    """What generates the text."""

    AUTO = "auto"
    LLAMACPP = "llamacpp"
    OLLAMA = "ollama"
    OPENAI = "openai"
    TRANSFORMERS = "transformers"
    SCRIPTED = "scripted"
    PLUGIN = "plugin"


def backend_order(text: str) -> tuple[BackendKind, ...]:
    """Return the backends of a setting, such as `llamacpp,ollama`, `openai:NAME` or `plugin:NAME`."""
    return tuple(BackendKind(word.partition(":")[0]) for word in text.split(","))


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model says of itself, once it is loaded; what a backend cannot know keeps its default.

    `planner_tools` is the GGUF key `agx.planner.tools`: the kind of registry that it plans for.
    `sequences` is how many requests it works on at once; more wait.
    `takes_grammar` says that its text can be held to a grammar, and not to a JSON Schema only.
    `follows_drafts` says that its text is held to a request's draft, so that the prompt need not show it.
    `calls_tools` says that a server is sent the tools of a chat, and reads its model's calls itself.
    `call_reader` is the name of the format in which it writes tool calls, where that is a known one, and
    `call_format` the same where a grammar can hold it to that.
    `chat_template_sha256` is there where another chat template than the model's own was given.
    `may_ignore_schema` says that a server was asked to hold its text to the schema, and may not do so.
    `fell_back_from` are the backends that could not be used before this one, each with why.
    `warnings` are sentences about what a user should know of how it is used.
    """

    name: str
    architecture: str = ""
    sha256: str | None = None
    context_length: int | None = None
    sequences: int = 1
    device: str | None = None
    planner_tools: str | None = None
    takes_grammar: bool = False
    follows_drafts: bool = False
    calls_tools: bool = False
    call_reader: str | None = None
    call_format: str | None = None
    build: str | None = None
    chat_template_sha256: str | None = None
    may_ignore_schema: bool = False
    fell_back_from: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def is_general(self) -> bool:
        """Whether it was not trained to plan with its tools, and is told and shown how it is done."""
        return self.planner_tools is None


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a backend can plan now; `detail` is a sentence, `facts` its numbers."""

    ok: bool
    detail: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class ModelBackend(Protocol):
    """Something that generates text under a JSON Schema, or under a grammar where its facts say so."""

    @property
    def backend_type(self) -> BackendKind:
        """Which kind of backend this is."""
        ...

    @property
    def model_name(self) -> str:
        """The model's name, as it stands in the metadata of plans."""
        ...

    def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        """Stream the text; closing the iterator stops the generation."""
        ...

    def chat(  # noqa: PLR0913  what a chat can say
        self,
        messages: Iterable[Message | Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        parameters: Parameters | Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
        stop: Sequence[str] = (),
        schema: Mapping[str, Any] | None = None,
        seed: int | None = None,
        deadline_secs: float | None = None,
        reasoning_tokens: int | None = None,
    ) -> AsyncGenerator[Chunk, None]:
        """Stream the answer to a chat; `agx.backends.chats.Chats` has it for every backend."""
        ...

    async def generate_plan(self, instruction: str, context: PlanContext | None = None) -> GeneratedPlan:
        """Generate one validated plan; `agx.backends.plans.GeneratesPlans` has it for every backend."""
        ...

    async def model_facts(self) -> ModelFacts:
        """Return the model's facts; loads it where that has not happened."""
        ...

    async def render(self, request: GenerationRequest) -> tuple[str, int]:
        """Return the prompt that a request makes, and the number of its tokens; generates nothing."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector a text; raises `Unsupported` where the backend has no embeddings."""
        ...

    async def health_check(self) -> Health:
        """Say whether this backend can plan now; raises nothing."""
        ...

    async def aclose(self) -> None:
        """Free everything; safe to call twice."""
        ...

    async def __aenter__(self) -> Self:
        """Return the backend; leaving its `async with` block closes it."""
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Close it."""
        ...
