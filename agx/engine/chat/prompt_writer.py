"""A request's messages and tools as the prompt of one model, and how its answer begins.

Text that users wrote, in messages and in descriptions of tools, must not act as special tokens. A mark
breaks up every special token in it before the template sees it, and the prompt is split at these marks
again when it is turned into tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from agx.engine.chat.plain_calls import has_calls, with_plain_calls
from agx.engine.chat.probed import ProbedTemplate
from agx.engine.chat.reasoning import (
    SWITCH_WORDS,
    ReasoningFormat,
    ReasoningMarkers,
    TurnOpening,
    read_reasoning_format,
    with_note,
)
from agx.engine.chat.templates import ChatTemplate
from agx.errors import TemplateError
from agx.requests import checked_reasoning
from agx.util.frozen import dataclass

# The default budget, in tokens, of a model that cannot answer without reasoning.
DEFAULT_REASONING_TOKENS = 512
_MAX_WORDS, _MAX_WORD_CHARS = 3, 40  # of lost words in a warning
# Texts with their special tokens broken up, and the mark that breaks them.
Defused = Callable[[Iterable[str]], tuple[list[str], str]]


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a prompt is made of: the messages and the tools in OpenAI's form.

    A message has `role` and `content`, a text, and perhaps `tool_calls`, whose arguments are objects.

    `tools_text` is the part of the system text that lists the tools, for templates that do not list them.
    `reasoning_tokens` None leaves the budget to the model.
    """

    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] = ()
    tools_text: str = ""
    reasoning_tokens: int | None = 0


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt: its text, the mark in it, and how the model goes on from there.

    `markers` is None, and `reasoning_tokens` 0, where the answer follows at once. `warnings` are sentences
    about what the template does to this conversation.
    """

    text: str
    mark: str
    opening: TurnOpening
    markers: ReasoningMarkers | None = None
    reasoning_tokens: int = 0
    warnings: tuple[str, ...] = ()


class PromptWriter:
    """Writes prompts by a chat template."""

    def __init__(self, template: ChatTemplate, *, defused: Defused, is_own: bool = False) -> None:
        self._probed = ProbedTemplate(template, is_own=is_own)
        self._defused = defused

    @cached_property
    def reasoning_format(self) -> ReasoningFormat:
        """How the model reasons before it answers; raises `TemplateError` where the template fails."""
        return read_reasoning_format(self._probed)

    @property
    def written_call(self) -> str:
        """A text in which the model calls `probed.MARK_CALL`, as the template writes it; "" for none."""
        return self._probed.written_call

    def write(self, conversation: Conversation) -> Prompt:
        """Return the prompt; raises `TemplateError`, and `ConfigError` for a budget out of range."""
        budget = self._budget(conversation.reasoning_tokens)
        conversation, warnings = self._with_whole_tools(self._with_writable_calls(conversation))
        markers, reasoned = self.reasoning_format.markers, self.reasoning_format.reasoned
        if budget == 0 or markers is None or reasoned is None:
            text, mark = self._written(conversation, self.reasoning_format.direct)
            direct = self.reasoning_format.direct
            return Prompt(text + direct.lead, mark, direct, warnings=warnings)
        text, mark = self._written(conversation, reasoned)
        return Prompt(text, mark, reasoned, markers, budget, warnings)

    def _with_writable_calls(self, conversation: Conversation) -> Conversation:
        """Return the conversation with its calls as plain text where the template cannot write them."""
        if not has_calls(conversation.messages):
            return conversation
        if self.written_call:
            try:
                self._probed.check_roles(conversation.messages)
            except TemplateError as error:
                if error.details.get("over_limit"):
                    raise
            else:
                return conversation
        return replace(conversation, messages=with_plain_calls(conversation.messages))

    def _with_whole_tools(self, conversation: Conversation) -> tuple[Conversation, tuple[str, ...]]:
        """Return the conversation without tools where the template loses a part of them, and a warning.

        The system text lists them then.
        """
        if not (conversation.tools and conversation.tools_text and self._probed.takes_tools):
            return conversation, ()
        lost = self._probed.words_lost(conversation.tools)
        if not lost:
            return conversation, ()
        warning = (
            f"the chat template leaves out parts of these tools ({_some(lost)}); "
            "the system text lists the tools instead"
        )
        return replace(conversation, tools=()), (warning,)

    def _budget(self, wanted: int | None) -> int:
        checked = checked_reasoning(wanted)
        if checked is not None:
            return checked
        return 0 if self.reasoning_format.can_be_off else DEFAULT_REASONING_TOKENS

    def _written(self, conversation: Conversation, opening: TurnOpening) -> tuple[str, str]:
        if not conversation.tools or not self._probed.takes_tools:
            return self._rendered(replace(conversation, tools=()), opening)
        messages = [*_without(conversation.messages, conversation.tools_text)]
        try:
            return self._rendered(replace(conversation, messages=messages), opening)
        except TemplateError as error:
            if error.details.get("over_limit"):
                raise
            # The template cannot write these tools: the system text lists them instead.
            return self._rendered(replace(conversation, tools=()), opening)

    def _rendered(self, conversation: Conversation, opening: TurnOpening) -> tuple[str, str]:
        said = [_said(message) for message in conversation.messages]
        texts, mark = self._defused([*_texts(said), *_texts(conversation.tools)])
        broken = iter(texts)
        messages: list[Mapping[str, Any]] = [
            {**message, **_with_texts(part, broken)}
            for message, part in zip(conversation.messages, said, strict=True)
        ]
        tools = _with_texts(conversation.tools, broken)
        if opening.note:
            messages = _noted(messages, opening.note, mark=mark)
        return self._probed.write(messages, tools=tools, variables=opening.variables), mark


def _said(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parts of a message that hold what somebody wrote."""
    return {key: message[key] for key in ("content", "tool_calls") if key in message}


def _some(words: Sequence[str]) -> str:
    shown = ", ".join(repr(word[:_MAX_WORD_CHARS]) for word in words[:_MAX_WORDS])
    return shown if len(words) <= _MAX_WORDS else f"{shown} and {len(words) - _MAX_WORDS} more"


def _without(messages: Iterable[Mapping[str, Any]], text: str) -> Iterator[Mapping[str, Any]]:
    """Yield the messages without a text of the system's; a system message of nothing else is left out."""
    for message in messages:
        if not text or message["role"] != "system":
            yield message
        elif content := message["content"].replace(text, "", 1):
            yield {**message, "content": content}


def _noted(messages: Sequence[Mapping[str, Any]], note: str, *, mark: str) -> list[Mapping[str, Any]]:
    """Put a note at the end of the system text, and break up its words where users wrote them."""
    broken: list[Mapping[str, Any]] = []
    for message in messages:
        content = message["content"]
        for word in SWITCH_WORDS:
            content = content.replace(word, word[0] + mark + word[1:])
        broken.append({**message, "content": content})
    if not broken or broken[0]["role"] != "system":
        return [{"role": "system", "content": note}, *broken]
    return [{**broken[0], "content": with_note(broken[0]["content"], note)}, *broken[1:]]


def _texts(value: object) -> Iterator[str]:
    """Yield every text in a value of JSON, the keys among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield str(key)
            yield from _texts(part)
    elif isinstance(value, Sequence):
        for part in value:
            yield from _texts(part)


def _with_texts(value: Any, texts: Iterator[str]) -> Any:  # noqa: ANN401 - any value of JSON
    """Return the value with other texts, in the order of `_texts`."""
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, Mapping):
        return {next(texts): _with_texts(part, texts) for part in value.values()}
    if isinstance(value, Sequence):
        return [_with_texts(part, texts) for part in value]
    return value
