"""Which dialect a model writes in: the one asked for, or what suits the model, its tools and the draft.

What only another dialect than JSON needs is imported where it is needed: the embedded planner writes JSON.
"""

from __future__ import annotations

from collections.abc import Sequence

from agx.backends.base import ModelFacts
from agx.errors import Unsupported, UsageError
from agx.plan.dialects import Dialect, DialectChoice
from agx.plan.schema import Task
from agx.plan.tools import Registry


def check_dialect(choice: DialectChoice, tools: Registry) -> None:
    """Raise `UsageError` where a dialect is asked for in which a tool has no form."""
    if choice == "shell" and not _are_commands(tools):
        raise UsageError(
            "the dialect shell has a form for commands only, and these tools are functions, or have names "
            "that a shell reads otherwise",
            hint="leave the dialect to AGX (auto), or use json",
        )
    if choice == "native" and not _are_functions(tools):
        raise UsageError(
            "the dialect native has a form for functions only, and among these tools are commands",
            hint="leave the dialect to AGX (auto), or use json",
        )


def chosen_dialect(
    choice: DialectChoice, tools: Registry, facts: ModelFacts, *, draft: Sequence[Task] = ()
) -> Dialect:
    """Return the dialect of a request, of what `check_dialect` has let through.

    By `auto` it is `shell` for commands and `native` for functions, where a general model's text can be held
    to a grammar; `native` needs a known format of calls besides. A draft that has no form in the dialect is
    refined as JSON. Raises `Unsupported` for a dialect that the model cannot write.
    """
    dialect = _suitable(tools, facts) if choice == "auto" else choice
    if dialect == "json":
        return "json"
    _check_model(dialect, facts)
    return dialect if not draft or _has_form(draft, dialect) else "json"


def _suitable(tools: Registry, facts: ModelFacts) -> Dialect:
    if not facts.takes_grammar or facts.planner_tools is not None:
        return "json"
    if _are_commands(tools):
        return "shell"
    return "native" if facts.call_format is not None and _are_functions(tools) else "json"


def _check_model(dialect: Dialect, facts: ModelFacts) -> None:
    if facts.planner_tools is not None:
        raise Unsupported(
            f"{facts.name} was trained to write plans as JSON, and has no dialect {dialect}",
            hint="use a general instruction model: --model FILE.gguf; or leave the dialect to AGX (auto)",
        )
    if not facts.takes_grammar:
        raise Unsupported(
            f"{facts.name} cannot be held to the dialect {dialect}: its backend takes no grammar",
            hint="use a GGUF file with llama.cpp, or the dialect json",
        )
    if dialect == "native" and facts.call_format is None:
        raise Unsupported(
            f"{facts.name} has no dialect native: its chat template writes tool calls in no known format",
            hint="leave the dialect to AGX (auto), or use json",
        )


def _are_commands(tools: Registry) -> bool:
    from agx.grammar.shell_dialect import can_write  # noqa: PLC0415  see above

    return can_write(tools)


def _are_functions(tools: Registry) -> bool:
    return all(tool.schema is not None for tool in tools)


def _has_form(draft: Sequence[Task], dialect: Dialect) -> bool:
    if dialect == "native":
        from agx.toolcalls.tasks import calls_of  # noqa: PLC0415  see above

        return calls_of(draft) is not None
    from agx.shell.pipeline_text import pipeline_text  # noqa: PLC0415  see above

    return pipeline_text(draft) is not None
