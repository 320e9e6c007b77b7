"""Plans from outside: a shell text or JSON that becomes one, a file, a stored plan."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from agx.rules.check import read_draft, read_plan, refuse_errors
from agx.shell.parse import read_shell

if TYPE_CHECKING:
    from agx.plan.schema import Finding, Plan
    from agx.plan.tools import Registry

# `{ a; }` and `[ a = b ]` are shell; JSON goes on with a quote or another bracket.
_BEGINS_AS_JSON = re.compile(r'\s*(?:```[A-Za-z]*\s*)?(\{\s*"|\[\s*["{])')


def import_plan(text: str, registry: Registry) -> tuple[Plan, tuple[Finding, ...]]:
    """Return the plan that a text is, and its findings: a shell pipeline, or JSON in any accepted form.

    Raises `PlanInvalid` for what has no form in a plan, and for a plan that cannot be run.
    """
    if _is_json(text):
        return read_plan(text, registry)
    reading = read_shell(text)
    plan, findings = read_draft(reading.plan.to_dict(), registry)
    refuse_errors(findings, text)
    return plan, (*findings, *reading.findings)


def _is_json(text: str) -> bool:
    if _BEGINS_AS_JSON.match(text):
        return True
    try:
        return isinstance(json.loads(text), list | dict)
    except (ValueError, RecursionError):
        return False
