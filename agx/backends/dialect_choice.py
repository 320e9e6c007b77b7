"""Which dialect a model writes in: the one asked for, or what suits the model, its tools and the draft.

What only the dialect `shell` needs is imported where it is needed: the embedded planner writes JSON.
"""

from __future__ import annotations

from collections.abc import Sequence

from agx.backends.base import ModelFacts
from agx.errors import Unsupported, UsageError
from agx.plan.dialects import Dialect, DialectChoice
from agx.plan.schema import Task
from agx.plan.tools import Registry


def check_dialect(choice: DialectChoice, tools: Registry) -> None:
    """Raise `UsageError` where the dialect `shell` is asked for, and a tool has no form in it."""
    if choice == "shell" and not _are_commands(tools):
        raise UsageError(
            "the dialect shell has a form for commands only, and these tools are functions, or have names "
            "that a shell reads otherwise",
            hint="leave the dialect to AGX (auto), or use json",
        )


def chosen_dialect(
    choice: DialectChoice, tools: Registry, facts: ModelFacts, *, draft: Sequence[Task] = ()
) -> Dialect:
    """Return the dialect of a request, of what `check_dialect` has let through.

    By `auto` it is `shell` for commands and a general model whose text can be held to a grammar. A draft
    that is not one pipeline is refined as JSON. Raises `Unsupported` for `shell` with any other model.
    """
    if choice == "json" or (choice == "auto" and not _suits_shell(tools, facts)):
        return "json"
    if facts.planner_tools is not None:
        raise Unsupported(
            f"{facts.name} was trained to write plans as JSON, and has no dialect shell",
            hint="use a general instruction model: --model FILE.gguf; or leave the dialect to AGX (auto)",
        )
    if not facts.takes_grammar:
        raise Unsupported(
            f"{facts.name} cannot be held to the dialect shell: its backend takes no grammar",
            hint="use a GGUF file with llama.cpp, or the dialect json",
        )
    return "shell" if not draft or _is_pipeline(draft) else "json"


def _suits_shell(tools: Registry, facts: ModelFacts) -> bool:
    return facts.takes_grammar and facts.planner_tools is None and _are_commands(tools)


def _are_commands(tools: Registry) -> bool:
    from agx.grammar.shell_dialect import can_write  # noqa: PLC0415  see above

    return can_write(tools)


def _is_pipeline(draft: Sequence[Task]) -> bool:
    from agx.shell.pipeline_text import pipeline_text  # noqa: PLC0415  see above

    return pipeline_text(draft) is not None
