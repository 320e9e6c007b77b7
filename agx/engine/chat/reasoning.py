"""How a model reasons before it answers, read from what its chat template writes.

Models differ in four points:

- the markers around reasoning: `<think>`, `<|START_THINKING|>`, a channel;
- who writes the opening marker, the template or the model;
- how reasoning is turned off: by a variable, by a word in the system text, or not at all;
- what stands between reasoning and answer.

A template knows all four, but names none. So a short conversation is rendered with reasoning on, with
reasoning off, and with an earlier answer that has reasoning; the ends of the prompts are compared. Where
a template drops the reasoning of earlier answers, its text may still hold known markers, or it writes
empty reasoning to turn it off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace

from agx.engine.chat.probed import ProbedTemplate, mark_of
from agx.errors import TemplateError
from agx.util.frozen import dataclass

# A marker has one of these forms: <tag>, <|tag|>, [TAG], ◁tag▷.
_TAG = re.compile(r"<[^<>\s]{1,40}>|\[/?[A-Z_]{1,40}\]|◁[^◁▷\s]{1,40}▷")
_KNOWN_MARKERS = (
    ("<think>", "</think>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("[THINK]", "[/THINK]"),
    ("<mm:think>", "</mm:think>"),
    ("<seed:think>", "</seed:think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("◁think▷", "◁/think▷"),
)
# A template without any of these words knows nothing of reasoning.
_HINTS = ("think", "THINK", "thought", "reasoning")
_REASONING, _ANSWER = mark_of("reasoning"), mark_of("answer")


@dataclass(frozen=True, slots=True)
class TurnOpening:
    """One way to begin the assistant's turn.

    The template learns of it through `variables`, or through `note`, a line at the end of the system text.
    `lead` is what the template writes in front of an answer. `is_open`: the prompt ends inside reasoning.
    """

    variables: Mapping[str, object] = field(default_factory=dict)
    note: str = ""
    lead: str = ""
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class ReasoningMarkers:
    """The markers around reasoning, and the text in front of the end marker and behind it."""

    start: str
    end: str
    before_end: str = ""
    after_end: str = ""


@dataclass(frozen=True, slots=True)
class ReasoningFormat:
    """How a turn begins without reasoning (`direct`) and with it (`reasoned`).

    `reasoned` and `markers` are None for a model that does not reason. `can_be_off`: the template itself
    can turn reasoning off. Where it cannot, `direct` closes the reasoning before it begins.
    """

    direct: TurnOpening
    reasoned: TurnOpening | None = None
    markers: ReasoningMarkers | None = None
    can_be_off: bool = True


# The switches that templates know: (reasoning on, reasoning off).
_SWITCHES = (
    *(
        (TurnOpening({name: yes}), TurnOpening({name: no}))
        for name, yes, no in (
            ("enable_thinking", True, False),
            ("thinking", True, False),
            ("thinking_mode", "enabled", "disabled"),
            ("reasoning_effort", "medium", "none"),
            ("reasoning", True, False),
        )
    ),
    (TurnOpening(note="/think"), TurnOpening(note="/no_think")),
)
SWITCH_WORDS = ("/no_think", "/think")


def read_reasoning_format(probed: ProbedTemplate) -> ReasoningFormat:
    """Find out how the model of a template reasons; raises `TemplateError` where the template fails."""
    if probed.is_own:
        return ReasoningFormat(TurnOpening())
    if not any(hint in probed.template.source for hint in _HINTS):
        turn = _Turn(probed, TurnOpening())
        return ReasoningFormat(TurnOpening(lead=turn.lead or ""))
    on, off = _switched(probed)
    lead = next((turn.lead for turn in (off, on) if turn.lead is not None), "")
    markers = _from_history(on) or _from_text(probed.template.source, on) or _from_silence(on, off)
    if markers is None:
        return ReasoningFormat(replace(off.opening, lead=lead))
    markers = _with_lead(markers, lead)
    is_open = on.is_inside(markers)
    return ReasoningFormat(
        direct=replace(off.opening, lead=_direct_lead(off, markers, lead)),
        reasoned=replace(on.opening, lead="" if is_open else on.lead or "", is_open=is_open),
        markers=markers,
        can_be_off=on.prompt != off.prompt and not off.is_inside(markers),
    )


class _Turn:
    """What a template writes behind the user's message, for one way to begin the turn."""

    def __init__(self, probed: ProbedTemplate, opening: TurnOpening) -> None:
        self._probed = probed
        self.opening = opening
        self.prompt = _behind_user(self._written())
        before, found, _ = self.answered().partition(_ANSWER)
        # A blank at the end belongs to the answer's first token.
        starts_alike = bool(found) and before.startswith(self.prompt)
        self.lead = before[len(self.prompt) :].rstrip(" ") if starts_alike else None

    def answered(self, **reasoning: str) -> str:
        """Return the turn with an answer in it; empty where the template insists on a question at the end."""
        try:
            return _behind_user(self._written({"role": "assistant", "content": _ANSWER, **reasoning}))
        except TemplateError as error:
            if error.details.get("over_limit"):
                raise
            return ""

    def is_inside(self, markers: ReasoningMarkers) -> bool:
        """Whether the prompt ends inside reasoning."""
        return self.prompt.rfind(markers.start) > self.prompt.rfind(markers.end)

    def _written(self, *answers: Mapping[str, object]) -> str:
        messages = [
            {"role": "system", "content": with_note(mark_of("system"), self.opening.note)},
            {"role": "user", "content": mark_of("user")},
            *answers,
        ]
        return self._probed.try_out(messages, variables=self.opening.variables)


def with_note(text: str, note: str) -> str:
    """Return the system's text with a note at its end."""
    return f"{text}\n{note}" if note else text


def _behind_user(text: str) -> str:
    return text.rpartition(mark_of("user"))[2]


def _switched(probed: ProbedTemplate) -> tuple[_Turn, _Turn]:
    """Return the turns with reasoning on and off; the same one twice where no switch makes a difference."""
    plain = _Turn(probed, TurnOpening())
    for on, off in _SWITCHES:
        word = on.note or next(iter(on.variables))
        if word not in probed.template.source:
            continue
        try:
            turns = _Turn(probed, on), _Turn(probed, off)
        except TemplateError as error:
            if error.details.get("over_limit"):
                raise
            continue
        if turns[0].prompt != turns[1].prompt:
            return turns
    return plain, plain


def _from_history(turn: _Turn) -> ReasoningMarkers | None:
    """Read the markers from an earlier answer, where the template writes its reasoning.

    The reasoning is passed under every name that templates know it by.
    """
    text = turn.answered(**dict.fromkeys(("reasoning_content", "reasoning", "thinking"), _REASONING))
    opening, found, rest = text.partition(_REASONING)
    closing, answered, _ = rest.partition(_ANSWER)
    end = _TAG.search(closing)
    if not found or not answered or end is None or closing[: end.start()].strip():
        return None
    # What the prompt lacks so far, the model writes; otherwise the template has opened the reasoning.
    written = opening[len(turn.prompt) :].strip() if opening.startswith(turn.prompt) else ""
    tags = [written] if written else _TAG.findall(opening)
    if not tags:
        return None
    before, after = closing[: end.start()], closing[end.end() :].rstrip(" ")
    return ReasoningMarkers(tags[-1], end[0], before_end=before, after_end=after)


def _from_text(source: str, turn: _Turn) -> ReasoningMarkers | None:
    """Find known markers in a template's text; line breaks go with them where it opens with one."""
    for start, end in _KNOWN_MARKERS:
        if end in source or start in source:
            is_open_line = start + "\n" in turn.prompt
            is_tight = not is_open_line and (start + end in source or start in turn.prompt)
            before, after = ("", "") if is_tight else ("\n", "\n\n")
            return ReasoningMarkers(start, end, before_end=before, after_end=after)
    return None


def _from_silence(on: _Turn, off: _Turn) -> ReasoningMarkers | None:
    """Read the markers from the empty reasoning that a template writes to turn it off."""
    silence = off.prompt[len(on.prompt) :] if off.prompt.startswith(on.prompt) else ""
    tags = list(_TAG.finditer(silence))
    if len(tags) < 2 or silence[: tags[0].start()].strip():
        return None
    end = tags[-1]
    return ReasoningMarkers(silence[: end.start()].strip(), end[0], after_end=silence[end.end() :])


def _with_lead(markers: ReasoningMarkers, lead: str) -> ReasoningMarkers:
    """Put the tag that opens an answer, where there is one, behind the end of the reasoning."""
    answer_tag = lead.rpartition(markers.end)[2]
    if _TAG.search(answer_tag) and not _TAG.search(markers.after_end):
        return replace(markers, after_end=answer_tag)
    return markers


def _direct_lead(off: _Turn, markers: ReasoningMarkers, lead: str) -> str:
    """Return what leads to an answer without reasoning, from the end of its prompt on."""
    if off.is_inside(markers):
        return markers.before_end + markers.end + markers.after_end
    if off.lead is not None:
        return off.lead
    # The template has closed the reasoning, and writes nothing like it in front of earlier answers.
    if off.prompt.endswith(markers.end) and _TAG.search(markers.after_end):
        return markers.after_end
    return "" if off.prompt.rstrip().endswith(markers.end) else lead
