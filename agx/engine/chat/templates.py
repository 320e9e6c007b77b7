"""Messages to a prompt, by the model's own chat template.

A template is a program that came with a model file. It runs in jinja2's sandbox, with what the sandbox
leaves open closed here: it has a time limit, unless its text shows that it needs none, every operation
that makes text or lists longer is bounded, and it sees only the filters and methods that real templates
use.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from agx.engine.chat.bounds import MAX_TEXT_CHARS, Ledger, LimitExceeded
from agx.engine.chat.clock_free import is_plain
from agx.engine.chat.jinja import TemplateError as JinjaError
from agx.engine.chat.sandbox import BoundedEnvironment
from agx.errors import TemplateError

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from _typeshed import TraceFunction

# Templates with a name, for models that lack one; `agx.models.chat_templates` gives them by name.
NAMED_TEMPLATES = Path(__file__).parent / "jinja_templates"
MAX_TEMPLATE_CHARS = 1 << 16
TIME_LIMIT_SECS = 0.5
# What jinja2 calls the file of a template that was given as text.
_TEMPLATE_FILE = "<template>"
HINT = "give another one with --chat-template, or use another model"
Clock = Callable[[], datetime]


def local_time() -> datetime:
    """Return the time that templates write into prompts."""
    return datetime.now().astimezone()


class ChatTemplate:
    """A compiled chat template. `source` None stands for ChatML, the commonest form.

    `clock` is what `strftime_now` and `datetime` read.
    """

    def __init__(
        self, source: str | None, *, bos_text: str = "", eos_text: str = "", clock: Clock = local_time
    ) -> None:
        source = chatml() if source is None else source
        if len(source) > MAX_TEMPLATE_CHARS:
            raise failed(f"it has {len(source):,} characters, and {MAX_TEMPLATE_CHARS:,} are the limit")
        self.source = source
        self.clock = clock
        # Hugging Face's programs give None for tools and documents that there are not.
        self._variables: dict[str, object] = {"bos_token": bos_text, "eos_token": eos_text}
        self._variables |= {"add_generation_prompt": True, "tools": None, "documents": None}
        environment = self._environment = BoundedEnvironment()
        environment.globals |= {"raise_exception": _raise_exception, "strftime_now": self._strftime_now}
        try:
            parsed = environment.parse(source)
            self._is_plain = is_plain(parsed)
            self._template = environment.from_string(parsed)
        except Exception as error:  # jinja2's own errors, and Python's for the code it makes
            raise failed(f"{type(error).__name__}: {error}") from error

    def render(
        self, messages: Sequence[Mapping[str, object]], *, variables: Mapping[str, object] | None = None
    ) -> str:
        """Return the prompt; `variables` are for the template, in place of the usual ones.

        Raises `TemplateError` where the template fails, loops or writes too much; for the last two its
        `details` say `over_limit`.
        """
        given = {"messages": [dict(message) for message in messages]} | dict(variables or {})
        try:
            with nullcontext() if self._is_plain else _TimeLimit(TIME_LIMIT_SECS):
                return self._write(self._variables | given)
        except LimitExceeded as error:
            raise failed(str(error), over_limit=True) from error
        except Exception as error:  # whatever a stranger's program raises
            raise failed(f"{type(error).__name__}: {error}") from error

    def _write(self, variables: Mapping[str, object]) -> str:
        self._environment.ledger = Ledger()
        parts: list[str] = []
        room = MAX_TEXT_CHARS
        for part in self._template.root_render_func(self._template.new_context(dict(variables))):
            room -= len(part)
            if room < 0:
                raise LimitExceeded(f"it writes more than {MAX_TEXT_CHARS:,} characters")
            parts.append(part)
        return "".join(parts)

    def _strftime_now(self, pattern: str) -> str:
        if len(pattern) > 100:
            raise LimitExceeded("its pattern for the date has more than 100 characters")
        return self.clock().strftime(pattern)


class _TimeLimit:
    """Raises `LimitExceeded` in the block when its time is up.

    Tracing, in this thread only, sees every line of the compiled template and every call that it
    makes. What runs between two of these is kept short by `agx.engine.chat.bounds`.
    """

    def __init__(self, limit_secs: float) -> None:
        self._limit_secs = limit_secs

    def __enter__(self) -> None:
        self._before = sys.gettrace()
        self._end = time.monotonic() + self._limit_secs
        sys.settrace(self._trace)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, _event: str, _argument: object) -> TraceFunction | None:
        if time.monotonic() > self._end:
            raise LimitExceeded(f"it runs for more than {self._limit_secs:g} s")
        return self._trace if frame.f_code.co_filename == _TEMPLATE_FILE else None


def _raise_exception(message: object) -> NoReturn:
    raise JinjaError(str(message))


def chatml() -> str:
    """Return the template that stands in where a model has none."""
    return (NAMED_TEMPLATES / "chatml.jinja").read_text(encoding="utf-8")


def failed(reason: str, **details: object) -> TemplateError:
    """Make the error that says why a template cannot be used."""
    return TemplateError(f"the chat template failed: {reason[:300]}", hint=HINT, **details)
