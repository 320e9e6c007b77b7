"""Messages to a prompt, by the model's own chat template.

A template is a program that came with a model file. It runs in jinja2's sandbox, and here is closed what
that sandbox leaves open: rendering has a time limit, every operation that makes texts or lists longer is
bounded, and a template sees only the filters and methods that real templates use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from traceback import walk_tb
from typing import NoReturn

from agx.engine.chat.bounds import MAX_TEXT_CHARS, Ledger, LimitExceeded
from agx.engine.chat.environment import BoundedEnvironment
from agx.engine.chat.jinja import TemplateError as JinjaError
from agx.engine.chat.missing import missing_names
from agx.engine.chat.time_limit import TimeLimit, is_of_template, needs_no_clock
from agx.errors import TemplateError

# Named templates, for models without one; `agx.models.chat_templates` finds them by name.
NAMED_TEMPLATES = Path(__file__).parent / "jinja_templates"
MAX_TEMPLATE_CHARS = 1 << 16
TIME_LIMIT_SECS = 0.5
HINT = "give another one with --chat-template, or use another model"
Clock = Callable[[], datetime]
# By which jinja2 calls the function that it compiles, at the top, in place of a missing filter or test.
_STAND_IN = re.compile(r"t_\d+")


def local_time() -> datetime:
    """Return the local time, which templates may write into prompts."""
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
        # Hugging Face's programs pass None where there are no tools or documents.
        self._variables: dict[str, object] = {"bos_token": bos_text, "eos_token": eos_text}
        self._variables |= {"add_generation_prompt": True, "tools": None, "documents": None}
        environment = self._environment = BoundedEnvironment()
        environment.globals |= {"raise_exception": _raise_exception, "strftime_now": self._strftime_now}
        try:
            parsed = environment.parse(source)
            self._needs_no_clock = needs_no_clock(parsed)
            self.missing = missing_names(
                parsed,
                filters=environment.filters,
                tests=environment.tests,
                functions=environment.globals,
            )
            self._template = environment.from_string(parsed)
        except Exception as error:  # jinja2's own errors, and Python's about the code that it generates
            line = getattr(error, "lineno", None)  # of jinja2's errors of syntax, and of Python's
            raise failed(f"{type(error).__name__}: {error}", line=line) from error

    def render(
        self, messages: Sequence[Mapping[str, object]], *, variables: Mapping[str, object] | None = None
    ) -> str:
        """Return the prompt; `variables` replace the usual ones.

        Raises `TemplateError` where the template fails, loops or writes too much. In the last two cases
        its `details` have `over_limit`.
        """
        given = {"messages": [dict(message) for message in messages]} | dict(variables or {})
        try:
            with nullcontext() if self._needs_no_clock else TimeLimit(TIME_LIMIT_SECS):
                return self._write(self._variables | given)
        except LimitExceeded as error:
            raise failed(str(error), over_limit=True) from error
        except Exception as error:  # a foreign program may raise anything
            raise failed(f"{type(error).__name__}: {error}", line=self._line_of(error)) from error

    def _line_of(self, error: Exception) -> int | None:
        """Return the line of the template in which an error was raised."""
        frames = ((frame, line) for frame, line in walk_tb(error.__traceback__) if is_of_template(frame))
        lines = [line for frame, line in frames if not _STAND_IN.fullmatch(frame.f_code.co_name)]
        return self._template.get_corresponding_lineno(lines[-1]) if lines else None

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


def _raise_exception(message: object) -> NoReturn:
    raise JinjaError(str(message))


def chatml() -> str:
    """Return the template for models that have none."""
    return (NAMED_TEMPLATES / "chatml.jinja").read_text(encoding="utf-8")


def failed(reason: str, *, line: int | None = None, **details: object) -> TemplateError:
    """Return the error for a template that cannot be used; `line` is where."""
    place = "" if line is None else f" (line {line})"
    known = {} if line is None else {"line": line}
    return TemplateError(f"the chat template failed: {reason[:300]}{place}", hint=HINT, **known, **details)
