"""The time limit of a chat template, and which templates need none.

A plain template goes through the messages, and for each does what is written out in the template: it
compares, chooses, joins with `+` and writes. It calls nothing and applies no filter, its loops are not
nested, and it carries only constants from one message to the next, so nothing in it can grow. The
messages bound its work, as its text shows. Every other template is rendered against the clock.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from agx.engine.chat.bounds import LimitExceeded
from agx.engine.chat.jinja import nodes

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from _typeshed import TraceFunction

# What jinja2 calls the file of a template that was given as text.
_TEMPLATE_FILE = "<template>"
# More nodes than plain templates have; each is at most one pass over the texts of a message.
_MAX_NODES = 256
_HARMLESS = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.CondExpr, nodes.Const, nodes.Name,
    nodes.NSRef, nodes.Getattr, nodes.Getitem, nodes.Add, nodes.And, nodes.Or, nodes.Not, nodes.Compare,
    nodes.Keyword,
)  # fmt: skip
# What loops go over and what makes a namespace, as long as the template assigns nothing to these names.
_MESSAGES, _NAMESPACE = "messages", "namespace"


class TimeLimit:
    """Raises `LimitExceeded` in its block when the time is up.

    Tracing, in this thread only, sees every line of the compiled template and every call that it
    makes. `agx.engine.chat.bounds` keeps short what runs between two of these.
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
        return self._trace if is_of_template(frame) else None


def is_of_template(frame: FrameType) -> bool:
    """Whether a frame runs the compiled code of a template."""
    return frame.f_code.co_filename == _TEMPLATE_FILE


def needs_no_clock(template: nodes.Template) -> bool:
    """Return whether a parsed template is plain; when in doubt, it is not."""
    every = [template, *template.find_all(nodes.Node)]
    if len(every) > _MAX_NODES:
        return False
    stored = {node.name for node in every if isinstance(node, nodes.Name) and node.ctx != "load"}
    return not stored & {_MESSAGES, _NAMESPACE} and all(map(_is_harmless, every))


def _is_harmless(node: nodes.Node) -> bool:
    match node:
        case nodes.For():
            goes_over_messages = isinstance(node.iter, nodes.Name) and node.iter.name == _MESSAGES
            has_inner = node.find(nodes.For) is not None
            return goes_over_messages and not has_inner and node.test is None and not node.recursive
        case nodes.Assign():
            return isinstance(node.node, nodes.Const) or _is_new_namespace(node.node)
        case nodes.Call():
            return _is_new_namespace(node)
        case nodes.Operand():  # searching can take longer than reading
            return node.op not in {"in", "notin"}
        case _:
            return isinstance(node, _HARMLESS)


def _is_new_namespace(node: nodes.Node) -> bool:
    """Return whether this is `namespace(name=constant, …)`."""
    if not isinstance(node, nodes.Call) or not isinstance(node.node, nodes.Name):
        return False
    if node.node.name != _NAMESPACE or node.args or node.dyn_args or node.dyn_kwargs:
        return False
    return all(isinstance(pair.value, nodes.Const) for pair in node.kwargs)
