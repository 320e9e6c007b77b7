"""How a model thinks before it answers, read from what its chat template writes.

Models differ in what stands around their thoughts (`<think>`, `<|START_THINKING|>`, a channel), in who
writes the opening, the template or the model, in how thinking is turned off, and in what stands
between thoughts and answer. All of it is in the template, but nowhere by name: a short conversation is
rendered with thinking on and off, and with an answer that was thought about, and the ends are compared.
A template that writes no thoughts of earlier answers at least names its markers, or writes thoughts
without a word where there are to be none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from agx.engine.chat.traits import Dialect, mark_of
from agx.errors import TemplateError

# What stands around thoughts or an answer is one of these: <tag>, <|tag|>, [TAG], ◁tag▷.
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
# A template that has none of these words knows nothing of thinking.
_HINTS = ("think", "THINK", "thought", "reasoning")
_THOUGHTS, _ANSWER = mark_of("thoughts"), mark_of("answer")


@dataclass(frozen=True, slots=True)
class Manner:
    """One way to begin the assistant's turn.

    `variables` and `note` (a line at the end of the system's text) tell the template. `lead` is what it
    writes in front of an answer; `is_open` says that the prompt ends inside the thoughts.
    """

    variables: Mapping[str, object] = field(default_factory=dict)
    note: str = ""
    lead: str = ""
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Thinking:
    """What stands around thoughts: `start` and `end`, and in front of `end` and behind it."""

    start: str
    end: str
    before_end: str = ""
    after_end: str = ""


@dataclass(frozen=True, slots=True)
class Manners:
    """How a model answers at once, and how it thinks first; `thinking` is None where it does not.

    `can_be_quiet` says that the template itself has a way to turn thinking off. Where it has none,
    `quiet` ends the thoughts before they have begun.
    """

    quiet: Manner
    aloud: Manner | None = None
    thinking: Thinking | None = None
    can_be_quiet: bool = True


# How templates are told: (to think, not to think).
_SWITCHES = (
    *(
        (Manner({name: yes}), Manner({name: no}))
        for name, yes, no in (
            ("enable_thinking", True, False),
            ("thinking", True, False),
            ("thinking_mode", "enabled", "disabled"),
            ("reasoning_effort", "medium", "none"),
            ("reasoning", True, False),
        )
    ),
    (Manner(note="/think"), Manner(note="/no_think")),
)
SWITCH_WORDS = ("/no_think", "/think")


def read_manners(dialect: Dialect) -> Manners:
    """Find out how a template's model answers; raises `TemplateError` where the template fails."""
    if dialect.is_own:
        return Manners(Manner())
    if not any(hint in dialect.template.source for hint in _HINTS):
        turn = _Turn(dialect, Manner())
        return Manners(Manner(lead=turn.lead or ""))
    on, off = _switched(dialect)
    lead = next((turn.lead for turn in (off, on) if turn.lead is not None), "")
    thinking = _from_history(on) or _from_text(dialect.template.source, on) or _from_silence(on, off)
    if thinking is None:
        return Manners(replace(off.manner, lead=lead))
    thinking = _with_lead(thinking, lead)
    is_open = on.is_inside(thinking)
    return Manners(
        quiet=replace(off.manner, lead=_quiet_lead(off, thinking, lead)),
        aloud=replace(on.manner, lead="" if is_open else on.lead or "", is_open=is_open),
        thinking=thinking,
        can_be_quiet=on.prompt != off.prompt and not off.is_inside(thinking),
    )


class _Turn:
    """What a template writes behind the user's message, told to think or not to."""

    def __init__(self, dialect: Dialect, manner: Manner) -> None:
        self._dialect = dialect
        self.manner = manner
        self.prompt = _behind_user(self._written())
        before, found, _ = self.answered().partition(_ANSWER)
        # A blank at the end belongs to the answer's first token.
        starts_alike = bool(found) and before.startswith(self.prompt)
        self.lead = before[len(self.prompt) :].rstrip(" ") if starts_alike else None

    def answered(self, **thoughts: str) -> str:
        """Return what stands there with an answer; nothing where the template wants a question last."""
        try:
            return _behind_user(self._written({"role": "assistant", "content": _ANSWER, **thoughts}))
        except TemplateError as error:
            if error.details.get("over_limit"):
                raise
            return ""

    def is_inside(self, thinking: Thinking) -> bool:
        """Whether the prompt ends inside the thoughts."""
        return self.prompt.rfind(thinking.start) > self.prompt.rfind(thinking.end)

    def _written(self, *answers: Mapping[str, object]) -> str:
        messages = [
            {"role": "system", "content": with_note(mark_of("system"), self.manner.note)},
            {"role": "user", "content": mark_of("user")},
            *answers,
        ]
        return self._dialect.try_out(messages, variables=self.manner.variables)


def with_note(text: str, note: str) -> str:
    """Return the system's text with a note at its end."""
    return f"{text}\n{note}" if note else text


def _behind_user(text: str) -> str:
    return text.rpartition(mark_of("user"))[2]


def _switched(dialect: Dialect) -> tuple[_Turn, _Turn]:
    """Return the turns with thinking on and off; the same one twice where nothing makes a difference."""
    plain = _Turn(dialect, Manner())
    for on, off in _SWITCHES:
        word = on.note or next(iter(on.variables))
        if word not in dialect.template.source:
            continue
        try:
            turns = _Turn(dialect, on), _Turn(dialect, off)
        except TemplateError as error:
            if error.details.get("over_limit"):
                raise
            continue
        if turns[0].prompt != turns[1].prompt:
            return turns
    return plain, plain


def _from_history(turn: _Turn) -> Thinking | None:
    """Read the markers from an answer that was thought about, where the template writes its thoughts.

    They are given under all the names that they go by.
    """
    text = turn.answered(**dict.fromkeys(("reasoning_content", "reasoning", "thinking"), _THOUGHTS))
    opening, found, rest = text.partition(_THOUGHTS)
    closing, answered, _ = rest.partition(_ANSWER)
    end = _TAG.search(closing)
    if not found or not answered or end is None or closing[: end.start()].strip():
        return None
    # What the prompt does not have yet is for the model to write; else the template has opened them.
    written = opening[len(turn.prompt) :].strip() if opening.startswith(turn.prompt) else ""
    tags = [written] if written else _TAG.findall(opening)
    if not tags:
        return None
    before, after = closing[: end.start()], closing[end.end() :].rstrip(" ")
    return Thinking(tags[-1], end[0], before_end=before, after_end=after)


def _from_text(source: str, turn: _Turn) -> Thinking | None:
    """Find known markers in a template's text; line breaks go with them where it opens with one."""
    for start, end in _KNOWN_MARKERS:
        if end in source or start in source:
            is_open_line = start + "\n" in turn.prompt
            is_tight = not is_open_line and (start + end in source or start in turn.prompt)
            before, after = ("", "") if is_tight else ("\n", "\n\n")
            return Thinking(start, end, before_end=before, after_end=after)
    return None


def _from_silence(on: _Turn, off: _Turn) -> Thinking | None:
    """Read the markers from the empty thoughts that a template writes to turn thinking off."""
    silence = off.prompt[len(on.prompt) :] if off.prompt.startswith(on.prompt) else ""
    tags = list(_TAG.finditer(silence))
    if len(tags) < 2 or silence[: tags[0].start()].strip():
        return None
    end = tags[-1]
    return Thinking(silence[: end.start()].strip(), end[0], after_end=silence[end.end() :])


def _with_lead(thinking: Thinking, lead: str) -> Thinking:
    """Put what opens an answer (a tag, or there is nothing of the kind) behind the end of the thoughts."""
    opening = lead.rpartition(thinking.end)[2]
    if _TAG.search(opening) and not _TAG.search(thinking.after_end):
        return replace(thinking, after_end=opening)
    return thinking


def _quiet_lead(off: _Turn, thinking: Thinking, lead: str) -> str:
    """Return what leads to an answer without thoughts, from the end of the quiet prompt on."""
    if off.is_inside(thinking):
        return thinking.before_end + thinking.end + thinking.after_end
    if off.lead is not None:
        return off.lead
    # The template has closed the thoughts, and writes nothing like it in front of earlier answers.
    if off.prompt.endswith(thinking.end) and _TAG.search(thinking.after_end):
        return thinking.after_end
    return "" if off.prompt.rstrip().endswith(thinking.end) else lead
