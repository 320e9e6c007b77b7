"""How a chat template wants its messages and tools, found by trying it.

A template does not say whether it has a system role, or where tools go, and its text does not show it
reliably: one raises an error at a system message, another leaves it out, a third writes it somewhere
else. So each question is put to the template itself: a conversation of marks is rendered, and what
becomes of the marks is the answer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from agx.engine.chat.shapes import SHAPES, SHAPES_WITHOUT_SYSTEM, Message, Shape
from agx.engine.chat.templates import HINT, TIME_LIMIT_SECS, ChatTemplate, failed
from agx.engine.chat.tool_words import MarkedTools
from agx.errors import TemplateError

Variables = Mapping[str, object]

_TOOL_MARKS = ("agxmarktool", "agxmarkabout", "agxmarkvalue")
_MARK_TOOL = {
    "type": "function",
    "function": {
        "name": _TOOL_MARKS[0],
        "description": _TOOL_MARKS[1],
        "parameters": {
            "type": "object",
            "properties": {_TOOL_MARKS[2]: {"type": "string", "description": "a value"}},
            "required": [_TOOL_MARKS[2]],
        },
    },
}
MARK_CALL: dict[str, Any] = {"name": _TOOL_MARKS[0], "arguments": {_TOOL_MARKS[2]: "a value"}}


def mark_of(role: str, place: int = 0) -> str:
    """Return the mark that stands for a message's text in a trial."""
    return f"agxmark{role}{place}"


class ProbedTemplate:
    """A template with what is known about it; each question is asked once, when it comes up.

    `is_own`: the model was trained for AGX. Its template writes what it needs of the messages, and
    nothing is asked.
    """

    def __init__(self, template: ChatTemplate, *, is_own: bool = False) -> None:
        self.template = template
        self.is_own = is_own
        self._shapes: dict[tuple[str, ...], Shape] = {}
        self._lost: tuple[Sequence[Mapping[str, Any]], list[str]] = ((), [])
        self._trials_left_secs = TIME_LIMIT_SECS

    def write(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        variables: Variables | None = None,
    ) -> str:
        """Return the prompt; a system text without a place of its own moves into the first user message.

        Raises `TemplateError`.
        """
        given = self._base | self._with_tools(tools) | {"add_generation_prompt": True} | dict(variables or {})
        return self.template.render(self._arranged(messages), variables=given)

    def try_out(self, messages: Sequence[Message], *, variables: Variables) -> str:
        """Return a trial prompt, which may end with an answer; all trials share the time limit of one prompt.

        Raises `TemplateError`.
        """
        return self._rendered(self._arranged(messages), self._base | dict(variables))

    def check_roles(self, messages: Sequence[Message]) -> None:
        """Raise `TemplateError` where the template cannot write a conversation of these roles and calls.

        Its words and arguments do not matter: marks stand in their place.
        """
        trial = [
            {**message, "content": mark_of(str(message["role"]), place)}
            for place, message in enumerate(messages)
        ]
        shape = self._shape(tuple(str(message["role"]) for message in messages))
        text = self._rendered(shape.of(trial), self._base | self._with_tools([_MARK_TOOL]))
        if not all(str(message["content"]) in text for message in trial if message["role"] == "tool"):
            raise TemplateError("the chat template leaves out what tools returned", hint=HINT)

    @property
    def takes_tools(self) -> bool:
        """Whether the template writes tools into the prompt."""
        return self._tools_variable is not None

    @cached_property
    def written_call(self) -> str:
        """The text of a trial conversation in which the model calls `MARK_CALL`; "" where it has no form."""
        if not self.takes_tools:
            return ""
        messages: list[Message] = [
            *self._shape(("user",)).of([{"role": "user", "content": mark_of("user")}]),
            {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": MARK_CALL}]},
        ]
        given = self._base | self._with_tools([_MARK_TOOL])
        try:
            return self._rendered(messages, given)
        except TemplateError:
            return ""

    def words_lost(self, tools: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return the names and values of these tools that the template leaves out of the prompt."""
        if self._lost[0] != tools:
            self._lost = (tools, self._found_lost(tools))
        return self._lost[1]

    def _found_lost(self, tools: Sequence[Mapping[str, Any]]) -> list[str]:
        marked = MarkedTools(tools)
        messages: list[Message] = [{"role": role, "content": mark_of(role)} for role in ("system", "user")]
        try:
            return marked.lost_in(self.write(messages, tools=marked.tools))
        except TemplateError as error:
            _unless_looping(error)
            return []  # writing the tools themselves tells whether they can be written

    def _arranged(self, messages: Sequence[Message]) -> Sequence[Message]:
        roles = tuple(str(message["role"]) for message in messages)
        return messages if self.is_own else self._shape(roles).of(messages)

    def _shape(self, roles: tuple[str, ...]) -> Shape:
        if roles not in self._shapes:
            self._shapes[roles] = self._found_shape(roles)
        return self._shapes[roles]

    def _found_shape(self, roles: tuple[str, ...]) -> Shape:
        """Try such a conversation in every shape, as it is first; raises where all of them fail."""
        trial = [{"role": role, "content": mark_of(role, place)} for place, role in enumerate(roles)]
        marks = [message["content"] for message in trial]
        failure: TemplateError | None = None
        for shape in SHAPES if "system" in roles else SHAPES_WITHOUT_SYSTEM:
            try:
                text = self._rendered(shape.of(trial), self._base)
            except TemplateError as error:
                failure = failure or _unless_looping(error)
                continue
            if all(mark in text for mark in marks) and shape.is_understood(text):
                return shape
        raise failure or TemplateError(
            "the chat template leaves out a part of the messages",
            hint=HINT,
        )

    @cached_property
    def _base(self) -> dict[str, Any]:
        """The variables without which the template fails: an older kind needs its functions as text."""
        if self.is_own or "functions" not in self.template.source:
            return {}
        try:
            self._rendered([{"role": "user", "content": mark_of("user")}], {})
        except TemplateError as error:
            _unless_looping(error)
            return self._as_functions([])
        return {}

    @cached_property
    def _tools_variable(self) -> str | None:
        """The variable that the template reads tools from; None where it writes none."""
        if self.is_own or ("tools" not in self.template.source and "functions" not in self.template.source):
            return None
        for name in ("tools", "functions"):
            messages = [{"role": role, "content": mark_of(role)} for role in ("system", "user")]
            try:
                given = self._base | self._named_tools(name, [_MARK_TOOL])
                text = self._rendered(self._arranged(messages), given)
            except TemplateError as error:
                _unless_looping(error)
                continue
            if all(mark in text for mark in (*_TOOL_MARKS, mark_of("system"), mark_of("user"))):
                return name
        return None

    def _with_tools(self, tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        name = self._tools_variable if tools else None
        return {} if name is None else self._named_tools(name, tools)

    def _named_tools(self, name: str, tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {"tools": list(tools)} if name == "tools" else self._as_functions(tools)

    def _as_functions(self, tools: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the variables of templates that take functions as JSON text, and the time with them."""
        functions = [tool["function"] for tool in tools]
        return {
            "functions": json.dumps(functions, indent=4, ensure_ascii=False),
            "datetime": self.template.clock().strftime("%Y-%m-%d %H:%M:%S %Z").strip(),
        }

    def _rendered(self, messages: Sequence[Message], variables: Variables) -> str:
        """Render a trial within the processor time that is left for all of them."""
        if self._trials_left_secs <= 0:
            raise failed(f"trying it out takes more than {TIME_LIMIT_SECS:g} s", over_limit=True)
        is_answered = bool(messages) and messages[-1]["role"] == "assistant"
        started = time.thread_time()
        try:
            return self.template.render(
                messages, variables={**variables, "add_generation_prompt": not is_answered}
            )
        finally:
            self._trials_left_secs -= time.thread_time() - started


def _unless_looping(error: TemplateError) -> TemplateError:
    """Return the error, or raise it where the template loops: it would loop in another trial as well."""
    if error.details.get("over_limit"):
        raise error
    return error
