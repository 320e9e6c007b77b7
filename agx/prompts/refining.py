"""How a general model is asked to refine a draft, for a backend that can hold a text to one and for others.

A small general model that is shown a draft repeats it, and asked to check it, it answers with an example of
its prompt. Asked the instruction itself, it finds what is wrong with a draft by writing something else. So
the draft stands outside the prompt where the backend follows drafts: the text is held to it wherever the
model is not clearly surer of another token (`GenerationRequest.draft`). Only a draft that was made for
another instruction is shown, as the turns before this one: "sort them by size" means nothing without it.
Where no backend holds the text to it, the draft is shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from agx.plan.schema import Finding
from agx.prompts.messages import NOTHING_FOUND, findings_text
from agx.requests import Message

# Where nothing was found, the same words cost more repairs than they bring: scripts/measure-delta.
_MIND = (
    "Mind the order of the steps, what each one reads from the one before, the right tools and options, "
    "errors and edge cases."
)
_REVIEW = f"Write the whole answer again, put right where it has to be. {_MIND}"


def turns_beside_draft(
    instruction: str, findings: Sequence[Finding], *, written: str, asked: str | None
) -> list[Message]:
    """Return the turns behind the examples: the instruction, and what was found in a draft, if anything.

    `written` is the draft in the model's dialect, and `asked` the instruction that it was made for, where
    that is another one.
    """
    earlier = [] if asked is None else [Message("user", asked), Message("assistant", written)]
    found = findings_text(findings)
    notes = "" if found == NOTHING_FOUND else f"\n\n{_MIND}\nIn a first draft this was found:\n{found}"
    return [*earlier, Message("user", instruction + notes)]


def turns_with_draft(instruction: str, findings: Sequence[Finding], *, written: str) -> list[Message]:
    """Return the turns behind the examples: the instruction, the draft, and what was found in it."""
    found = findings_text(findings)
    notes = "" if found == NOTHING_FOUND else f"This was found in it:\n{found}\n"
    return [
        Message("user", instruction),
        Message("assistant", written),
        Message("user", f"{notes}{_REVIEW}"),
    ]
