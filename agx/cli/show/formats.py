"""How a plan is shown: the formats, and where the text goes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from agx.cli.show.output import is_terminal, save, write_result
from agx.util.frozen import dataclass
from agx.util.texts import visible_json, visible_lines

if TYPE_CHECKING:
    from agx.plan.schema import Plan
    from agx.plan.tools import Registry

Format = Literal["table", "json", "shell", "mermaid", "dot"]
FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True, slots=True)
class Target:
    """How and where a plan is written: None leaves the format to the place, which is standard output."""

    format: Format | None = None
    path: Path | None = None

    @property
    def chosen_format(self) -> Format:
        """The format: unless named, a file and a pipe get JSON, and a terminal a table."""
        if self.format is not None:
            return self.format
        return "table" if self.path is None and is_terminal(sys.stdout) else "json"

    def deliver(self, text: str) -> None:
        """Write the result to the file, or to standard output."""
        if self.path is None:
            write_result(text)
        else:
            save(text, self.path)


def show_plan(plan: Plan, target: Target, *, registry: Registry | None = None) -> None:
    """Write a plan in its format; raises `Unsupported` where the format has no form for it.

    The registry, of Unix commands unless given, says which exit codes are not a failure in shell text.
    """
    target.deliver(_plan_text(plan, target, registry))


def _plan_text(plan: Plan, target: Target, registry: Registry | None) -> str:
    form = target.chosen_format
    if form == "table":
        from agx.cli.show.tables import plan_table  # noqa: PLC0415  rich is imported for tables only

        return plan_table(plan)
    from agx.shell.render import plan_json, plan_shell  # noqa: PLC0415  imported when there is a plan

    if form == "json":
        return visible_json(plan_json(plan))
    if form == "shell":
        text = plan_shell(plan, registry)
        return _safe_here(text) if target.path is None and is_terminal(sys.stdout) else text
    from agx.shell.graph import plan_dot, plan_mermaid  # noqa: PLC0415  as above

    return plan_mermaid(plan) if form == "mermaid" else plan_dot(plan)


def _safe_here(text: str) -> str:
    """Return shell text for a terminal: what would act on it is escaped, and that is said."""
    shown = visible_lines(text)
    return text if shown == text else f"# shown with escapes: -o FILE writes it as it is\n{shown}"
