"""Which examples a prompt has: a core that is always the same, and the nearest of a bank, within a budget.

An example shows a model how an answer looks and which words lead to which command. It must not show
what the model cannot write or may not plan. So whatever holds for plans (tools, policy, limits) holds
for examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agx.plan import limits
from agx.plan.dialects import Dialect
from agx.plan.tools import Registry
from agx.prompts.examples import Example, ExampleBank, core_examples, example_bank
from agx.risk import policy
from agx.risk.context import PlanContext
from agx.unix.registry import unix_registry
from agx.util.frozen import dataclass

DEFAULT_EXAMPLES = 2
MAX_EXAMPLES = 32
CHARS_PER_EXAMPLE = 300
"""What an example may take on average; one with its plan as JSON takes 170 in the middle."""


@dataclass(frozen=True, slots=True)
class ShownExamples:
    """The examples of a prompt, in its order: those of every prompt, and those near the instruction."""

    core: tuple[Example, ...] = ()
    nearest: tuple[Example, ...] = ()

    def __len__(self) -> int:
        return len(self.core) + len(self.nearest)

    def __iter__(self) -> Iterator[Example]:
        yield from self.core
        yield from self.nearest


NO_EXAMPLES = ShownExamples()


@dataclass(frozen=True, slots=True)
class ExampleSource:
    """Where examples come from: the core, and the bank that is searched."""

    core: Sequence[Example]
    bank: ExampleBank


def chosen_examples(  # noqa: PLR0913  each bounds the choice in another way
    instruction: str,
    context: PlanContext,
    *,
    at_most: int,
    context_length: int | None = None,
    dialect: Dialect = "json",
    source: ExampleSource | None = None,
) -> ShownExamples:
    """Return the core and at most `at_most` examples for an instruction, the nearest last.

    No two have the same plan or the same instruction, and each has a form in the dialect. The nearest take
    at most a third of a context of `context_length` tokens, at three characters a token, and the core is
    shown where it takes no more than that. There are none if `at_most` is 0, or unless all tools that are
    offered are commands of the built-in registry, which is what the bank has plans for.
    """
    tools = policy.offered(context)
    if not at_most or foreign_tools(tools):
        return NO_EXAMPLES
    source = source or ExampleSource(core_examples(), example_bank())
    core = tuple(
        each for each in source.core if _is_allowed(each, context, tools) and _has_form(each, dialect)
    )
    left_chars = at_most * CHARS_PER_EXAMPLE
    if context_length is not None:
        left_chars = min(left_chars, context_length)
        if sum(map(_num_chars, core)) > context_length:
            core = ()
    chosen: list[Example] = []
    plans = {each.plan_text for each in core}
    instructions = {each.instruction.casefold() for each in core}
    for example in source.bank.nearest(instruction):
        plan = example.plan_text
        num_chars = _num_chars(example)
        is_new = plan not in plans and example.instruction.casefold() not in instructions
        is_shown = is_new and num_chars <= left_chars and _is_allowed(example, context, tools)
        if is_shown and _has_form(example, dialect):
            chosen.append(example)
            plans.add(plan)
            instructions.add(example.instruction.casefold())
            left_chars -= num_chars
            if len(chosen) == at_most:
                break
    return ShownExamples(core, tuple(reversed(chosen)))


def _num_chars(example: Example) -> int:
    return len(example.instruction) + len(example.plan_text)


def foreign_tools(registry: Registry) -> list[str]:
    """Return the names of the tools that are not commands of the built-in registry."""
    unix = unix_registry()
    if registry is unix:
        return []
    return [tool.name for tool in registry if tool.schema is not None or tool.name not in unix]


def _has_form(example: Example, dialect: Dialect) -> bool:
    if dialect == "json":
        return True
    from agx.shell.pipeline_text import pipeline_text  # noqa: PLC0415  the embedded planner writes JSON

    return pipeline_text(example.tasks) is not None


def _is_allowed(example: Example, context: PlanContext, tools: Registry) -> bool:
    """Return whether a plan of this context could be the example's."""
    tasks = example.tasks
    return (
        len(tasks) <= context.task_limit
        and all(task.command in tools for task in tasks)
        and not limits.check(tasks, context.limits)
        and not policy.check(tasks, context)
    )
