"""The shapes in which chat templates take messages.

Most take a text as `content`, and a message of the system. Some have no place for such a message, and its
text moves into the first one of the user. Templates of models that see take `content` as a list of parts
(`{"type": "text", "text": …}`): of all messages, or of all but the system's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from agx.util.frozen import dataclass

Message = Mapping[str, object]
_WRITTEN_PART = re.compile(r"""["']type["']: ?["']text["']""")


@dataclass(frozen=True, slots=True)
class Shape:
    """Whether the system text moves into the first user message, and which messages have parts."""

    moves_system: bool = False
    with_parts: Literal["none", "all", "all but system"] = "none"

    def of(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Return the messages in this shape."""
        moved = with_system_moved(messages) if self.moves_system else messages
        return moved if self.with_parts == "none" else [self._in_parts(message) for message in moved]

    def is_understood(self, text: str) -> bool:
        """Whether a prompt has no parts that were written as they are."""
        return self.with_parts == "none" or not _WRITTEN_PART.search(text)

    def _in_parts(self, message: Message) -> Message:
        if message["role"] == "system" and self.with_parts == "all but system":
            return message
        return {**message, "content": [{"type": "text", "text": message["content"]}]}


SHAPES = (
    Shape(),
    Shape(with_parts="all"),
    Shape(with_parts="all but system"),
    Shape(moves_system=True),
    Shape(moves_system=True, with_parts="all"),
)
SHAPES_WITHOUT_SYSTEM = (Shape(), Shape(with_parts="all"))


def with_system_moved(messages: Sequence[Message]) -> list[Message]:
    """Return the messages with the system text in front of the first user message."""
    system = [message for message in messages if message["role"] == "system"]
    others = [message for message in messages if message["role"] != "system"]
    first = next((place for place, message in enumerate(others) if message["role"] == "user"), None)
    if not system or first is None:
        return list(messages)
    texts = [str(message["content"]) for message in (*system, others[first])]
    others[first] = {**others[first], "content": "\n\n".join(texts)}
    return others
