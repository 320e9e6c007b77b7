"""The formats: how calls stand in a model's text, and which of them a chat template teaches.

A call is a JSON object with the tool's name and its arguments. A frame is what stands around calls. A format
has a frame that templates teach, and perhaps others in which its models write as well.

A template is known by what it writes for a call that a model has made: the format whose text stands in it.

Sources: github.com/NousResearch/Hermes-Function-Calling, whose format Qwen's templates have; the prompt
formats of Llama 3.1 in github.com/meta-llama/llama-models.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Call = tuple[str, Mapping[str, Any]]
"""A tool's name and its arguments."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around calls: at the start, before each, behind each, between two, and at the end."""

    start: str = ""
    before: str = ""
    after: str = ""
    between: str = "\n"
    end: str = ""

    def around(self, calls: Iterable[str]) -> str:
        """Return the text of calls, each of which is the text of an object."""
        return self.start + self.between.join(self.before + call + self.after for call in calls) + self.end


@dataclass(frozen=True, slots=True)
class CallFormat:
    """One format: the key of the arguments beside `name`, and the frames, the one that is taught first."""

    name: str
    arguments_key: str
    frames: tuple[Frame, ...]

    def written(self, calls: Iterable[Call]) -> str:
        """Return the text of calls in the frame that is taught."""
        return self.frames[0].around(self._call(*call) for call in calls)

    @property
    def pattern(self) -> str:
        """How one call is written, in words for a model."""
        call = f'{{"name": <function-name>, "{self.arguments_key}": <args-json-object>}}'
        return self.frames[0].around([call])

    def _call(self, name: str, arguments: Mapping[str, Any]) -> str:
        return json.dumps({"name": name, self.arguments_key: arguments}, ensure_ascii=False)


_TAGS = Frame(before="<tool_call>\n", after="\n</tool_call>")
_LIST = Frame(start="[", between=", ", end="]")
FORMATS = (
    CallFormat("hermes", "arguments", (_TAGS, _LIST)),
    CallFormat("llama3", "parameters", (Frame(between="; "),)),
)


def format_named(name: str) -> CallFormat:
    """Return the format of that name."""
    return next(each for each in FORMATS if each.name == name)


def format_in(text: str, call: Call) -> CallFormat | None:
    """Return the format in which a text has the call, None where it has it in none of them."""
    return next((each for each in FORMATS if each.written([call]) in text), None)
