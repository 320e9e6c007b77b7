"""The system text for a model that writes its own tool calls: little, since its template says the rest.

A chat template that takes tools describes them, and how they are called. Where it cannot write the tools of a
request, or they are too many to describe, the system text does both.
"""

from __future__ import annotations

import json

from agx.prompts.messages import INPUT_DATA, ONLY_NEW, listings
from agx.risk.context import PlanContext
from agx.risk.policy import offered
from agx.toolcalls.formats import CallFormat


def native_system_text(context: PlanContext, call_format: CallFormat) -> tuple[str, str]:
    """Return the system message, and the part of it that a template which takes the tools says as well.

    Both are the same where there is nothing else to say: no existing tasks and no input data.
    """
    how = f"Call them in this form: {call_format.pattern}"
    described = "\n\n".join([*listings(offered(context)), how])
    rest = []
    if context.existing_tasks:
        tasks = [task.written() for task in context.existing_tasks]
        rest.append(f"These calls were made already: {json.dumps(tasks, ensure_ascii=False)}\n{ONLY_NEW}")
    if context.input_summary:
        rest.append(INPUT_DATA + context.input_summary)
    if not rest:
        return described, described
    return "\n\n".join([described, *rest]), described + "\n\n"
