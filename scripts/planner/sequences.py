"""What the model reads and writes: special tokens, and the texts between them.

Echo's sequence is `<|user|>` instruction `<|plan|>` plan `<|end|>`; Delta's has `<|draft|>` and
`<|findings|>` before the plan. The chat template of the export writes the same.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Row = dict[str, Any]
Tasks = list[dict[str, Any]]
Segments = tuple[tuple[str, str], ...]  # each a special token and the text after it

PAD = "<|pad|>"
END = "<|end|>"
USER = "<|user|>"
DRAFT = "<|draft|>"
FINDINGS = "<|findings|>"
PLAN = "<|plan|>"
SPECIAL_TOKENS = (PAD, END, USER, DRAFT, FINDINGS, PLAN)


def plan_text(tasks: Sequence[Mapping[str, Any]]) -> str:
    """Return the text that the model writes for a plan: compact JSON."""
    return json.dumps({"tasks": tasks}, ensure_ascii=False, separators=(",", ":"))


def echo_segments(nl: str, tasks: Sequence[Mapping[str, Any]]) -> Segments:
    """Return Echo's sequence: the instruction and its plan."""
    return ((USER, nl), (PLAN, plan_text(tasks)), (END, ""))


def delta_segments(nl: str, tasks: Sequence[Mapping[str, Any]], *, draft: str, findings: str) -> Segments:
    """Return Delta's sequence: the draft as a caller hands it in, and what the rules say of it, too."""
    return ((USER, nl), (DRAFT, draft), (FINDINGS, findings), (PLAN, plan_text(tasks)), (END, ""))
