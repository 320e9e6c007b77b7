"""Everything a planner can be configured with."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from pathlib import Path

from agx.backends.base import BackendKind
from agx.backends.plan_requests import PlanOptions
from agx.backends.specs import ModelChoice, ServerChoice
from agx.models.resolve import EMBEDDED
from agx.plan.dialects import DialectChoice
from agx.prompts.chosen_examples import DEFAULT_EXAMPLES
from agx.requests import LoadOptions, Parameters
from agx.risk.context import DEFAULT_MAX_TASKS, MaxRisk
from agx.util.frozen import dataclass


class ModelRole(StrEnum):
    """Which roles a planning goes through; `both` drafts and refines."""

    ECHO = "echo"
    DELTA = "delta"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Role:
    """One role: its name, its model, and how that generates a plan."""

    name: ModelRole
    choice: ModelChoice
    options: PlanOptions = field(default_factory=PlanOptions)


@dataclass(frozen=True, slots=True)
class PlannerConfig:
    """How a planner plans. `seed` None draws a fresh one for every plan.

    `echo_model` and `delta_model` are a path, a name in `models_dir`, `ollama:name:tag` or `agx-nano`;
    `backend` generates, or of several the first that can load the model; `servers` is what those that ask a
    server need to know. `load` is how both models are loaded; a worker that `agx up` keeps in `warm_dir` and
    that is loaded so is used instead of a new one, and None uses none. What is computed of prompts outlives
    the process in `cache_dir`, where it is given. `think` is how many tokens a model may reason before it
    plans: 0 is none; None is none where its template can turn reasoning off, and a few hundred otherwise.
    `dialect` is the form in which a model writes a plan: `json`, `shell` (a pipeline, of Unix commands
    only), `native` (the model's own tool calls, of functions only), or `auto` for the one that suits model
    and tools.

    `tools_limit` is the most tools that a model is offered, the best for the instruction: 0 is all of
    them, None what suits model and tools. `delta_tools_limit` is the same for Delta's model, None as
    the other. `examples` is the most examples that a general model is shown beside a core, the nearest to the
    instruction. No plan uses a tool of `forbidden` or goes above `max_risk`; a context can only add.
    """

    backend: BackendKind | tuple[BackendKind, ...] = BackendKind.AUTO
    role: ModelRole = ModelRole.ECHO
    echo_model: str | Path = EMBEDDED
    delta_model: str | Path = EMBEDDED
    models_dir: Path | None = None
    warm_dir: Path | None = None
    cache_dir: Path | None = None
    servers: ServerChoice = field(default_factory=ServerChoice)
    load: LoadOptions = field(default_factory=LoadOptions)
    parameters: Parameters = field(default_factory=Parameters)
    think: int | None = None
    dialect: DialectChoice = "auto"
    max_tasks: int = DEFAULT_MAX_TASKS
    tools_limit: int | None = None
    delta_tools_limit: int | None = None
    examples: int = DEFAULT_EXAMPLES
    forbidden: frozenset[str] = frozenset()
    max_risk: MaxRisk = "any"
    seed: int | None = None
    timeout_secs: float | None = None

    @property
    def echo(self) -> Role:
        """The role that drafts."""
        return self._role(ModelRole.ECHO, self.echo_model, tools_limit=self.tools_limit)

    @property
    def delta(self) -> Role:
        """The role that refines."""
        limit = self.tools_limit if self.delta_tools_limit is None else self.delta_tools_limit
        return self._role(ModelRole.DELTA, self.delta_model, tools_limit=limit)

    def _role(self, name: ModelRole, model: str | Path, *, tools_limit: int | None) -> Role:
        choice = ModelChoice(
            str(model),
            backend=self.backend,
            models_dir=self.models_dir,
            warm_dir=self.warm_dir,
            cache_dir=self.cache_dir,
            load=self.load,
            servers=self.servers,
        )
        options = PlanOptions(
            self.parameters,
            seed=self.seed,
            deadline_secs=self.timeout_secs,
            reasoning_tokens=self.think,
            tools_limit=tools_limit,
            examples=self.examples,
            dialect=self.dialect,
        )
        return Role(name, choice, options)
