"""A request's messages and tools as the prompt of one model, and how its answer is to begin.

What users wrote, in messages and in the descriptions of tools, is kept apart from what the template
writes: every special token in it is broken up by a mark, at which the prompt is split again when it
is made into tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from agx.engine.chat.reasoning import SWITCH_WORDS, Manner, Manners, Thinking, read_manners, with_note
from agx.engine.chat.templates import ChatTemplate
from agx.engine.chat.traits import Dialect
from agx.errors import TemplateError
from agx.requests import checked_reasoning

# What a model may reason that cannot answer at once, where nobody says how much.
DEFAULT_REASONING_TOKENS = 512
# Texts with their special tokens broken up, and the mark that breaks them.
Defused = Callable[[Iterable[str]], tuple[list[str], str]]


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is to be written: the messages (`role` and `content`), and the tools in OpenAI's form.

    `tools_text` is the part of the system's text that lists the tools, for templates that do not.
    `reasoning_tokens` None is what suits the model.
    """

    messages: Sequence[Mapping[str, str]]
    tools: Sequence[Mapping[str, Any]] = ()
    tools_text: str = ""
    reasoning_tokens: int | None = 0


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt: its text, the mark in it, and how the model goes on from there.

    `thinking` is None where the answer follows at once, and `reasoning_tokens` is 0 then.
    """

    text: str
    mark: str
    manner: Manner
    thinking: Thinking | None = None
    reasoning_tokens: int = 0


class PromptWriter:
    """Writes prompts by a chat template."""

    def __init__(self, template: ChatTemplate, *, defused: Defused, is_own: bool = False) -> None:
        self._dialect = Dialect(template, is_own=is_own)
        self._defused = defused

    @cached_property
    def manners(self) -> Manners:
        """How this template's model answers; raises `TemplateError` where the template fails."""
        return read_manners(self._dialect)

    def write(self, conversation: Conversation) -> Prompt:
        """Return the prompt; raises `TemplateError`, and `ConfigError` for a budget out of range."""
        budget = self._budget(conversation.reasoning_tokens)
        thinking, aloud = self.manners.thinking, self.manners.aloud
        if budget == 0 or thinking is None or aloud is None:
            text, mark = self._written(conversation, self.manners.quiet)
            return Prompt(text + self.manners.quiet.lead, mark, self.manners.quiet)
        text, mark = self._written(conversation, aloud)
        return Prompt(text, mark, aloud, thinking, budget)

    def _budget(self, wanted: int | None) -> int:
        checked = checked_reasoning(wanted)
        if checked is not None:
            return checked
        return 0 if self.manners.can_be_quiet else DEFAULT_REASONING_TOKENS

    def _written(self, conversation: Conversation, manner: Manner) -> tuple[str, str]:
        if not conversation.tools or not self._dialect.takes_tools:
            return self._rendered(replace(conversation, tools=()), manner)
        messages = [_without(message, conversation.tools_text) for message in conversation.messages]
        try:
            return self._rendered(replace(conversation, messages=messages), manner)
        except TemplateError as error:
            if error.details.get("over_limit"):
                raise
            # These tools are too much for it, or have what it does not know: the system's text has them.
            return self._rendered(replace(conversation, tools=()), manner)

    def _rendered(self, conversation: Conversation, manner: Manner) -> tuple[str, str]:
        written = [message["content"] for message in conversation.messages]
        texts, mark = self._defused([*written, *_texts(conversation.tools)])
        broken = iter(texts)
        messages: list[Mapping[str, str]] = [
            {**message, "content": next(broken)} for message in conversation.messages
        ]
        tools = _with_texts(conversation.tools, broken)
        if manner.note:
            messages = _noted(messages, manner.note, mark=mark)
        return self._dialect.write(messages, tools=tools, variables=manner.variables), mark


def _without(message: Mapping[str, str], text: str) -> Mapping[str, str]:
    if not text or message["role"] != "system":
        return message
    return {**message, "content": message["content"].replace(text, "", 1)}


def _noted(messages: Sequence[Mapping[str, str]], note: str, *, mark: str) -> list[Mapping[str, str]]:
    """Put a note at the end of the system's text, and keep what users wrote from being taken for one."""
    broken: list[Mapping[str, str]] = []
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
