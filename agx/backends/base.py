"""The seam between AGX and whatever generates text: one small protocol and its values.

`ModelBackend.generate` is the one primitive: it yields chunks of text, the last of which carries
the usage and the finish reason. Everything above it is written once, for all backends.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from agx.risk.context import GeneratedPlan, PlanContext

FinishReason = Literal["stop", "length", "cancelled"]


class BackendKind(StrEnum):
    """What generates the text."""

    AUTO = "auto"
    LLAMACPP = "llamacpp"
    OLLAMA = "ollama"
    OPENAI = "openai"
    SCRIPTED = "scripted"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat: `role` is system, user or assistant."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Parameters:
    """How tokens are drawn. The defaults are greedy.

    `temperature` 0 is greedy; `top_k` 0, `top_p` 1, `min_p` 0 and `repeat_penalty` 1 turn each off.
    `max_tokens` bounds what is generated.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repeat_penalty: float = 1.0
    max_tokens: int = 512


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One request, whole. `schema` is the JSON Schema that the text must fit (None: free text).

    A schema is not to be changed once it was given: a backend keeps what it has made of it.
    `seed` None means a fresh one, which the last chunk reports. `deadline_secs` counts from the
    call; when it runs out the generation ends with `DeadlineExceeded`. `draft` is a text that the
    answer is likely to repeat: a greedy generation departs from it only for a token that is likelier
    than the draft's by more than `draft_margin` nats. `reasoning_tokens` is the
    budget for thinking before the constraint begins: 0 is none, None what suits the model; it does not
    count for `max_tokens`. `tools` are functions in OpenAI's form, for chat templates that write tools
    into the prompt; `tools_text` is the part of the system message that lists them for all others.
    """

    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None = None
    parameters: Parameters = field(default_factory=Parameters)
    seed: int | None = None
    deadline_secs: float | None = None
    reasoning_tokens: int | None = 0
    draft: str | None = None
    draft_margin: float = 0.0
    tools: tuple[Mapping[str, Any], ...] = ()
    tools_text: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a generation cost. `forced_tokens` were appended by the grammar, not sampled.

    `reasoning_tokens` is how many of the completion's are thoughts.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    forced_tokens: int = 0
    seed: int | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One streamed piece of text. Only the last one has `finish_reason` and `usage`.

    What the model thinks before it answers is `is_reasoning`, and no part of the answer.
    """

    text: str
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    is_reasoning: bool = False


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a loaded model says of itself.

    `planner_tools` is the GGUF key `agx.planner.tools`: the kind of registry that it plans for.
    `chat_template_sha256` is there where another chat template than the model's own was given.
    `warnings` are sentences about what a user should know of how it is used.
    """

    name: str
    architecture: str
    sha256: str | None = None
    context_length: int = 0
    device: str = "cpu"
    planner_tools: str | None = None
    build: str | None = None
    chat_template_sha256: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a backend can plan now; `detail` is a sentence, `facts` its numbers."""

    ok: bool
    detail: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class ModelBackend(Protocol):
    """Something that generates text under a JSON Schema."""

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
        """Return whether this backend can plan now; raises nothing."""
        ...

    async def aclose(self) -> None:
        """Free everything; safe to call twice."""
        ...
