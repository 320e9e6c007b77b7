"""Which chat templates need no clock: those whose work the messages bound, as their text shows.

A plain template goes through the messages, and for each does what is written out in the template: it
compares, chooses, joins with `+` and writes. It calls nothing and applies no filter, its loops stand
side by side, and what it keeps from one message for the next are constants, so nothing in it can grow.
Every other template is rendered against the clock.
"""

from __future__ import annotations

from agx.engine.chat.jinja import nodes

# More than such templates have; each is at most one pass over the texts of a message.
_MAX_NODES = 256
_HARMLESS = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.CondExpr, nodes.Const, nodes.Name,
    nodes.NSRef, nodes.Getattr, nodes.Getitem, nodes.Add, nodes.And, nodes.Or, nodes.Not, nodes.Compare,
    nodes.Keyword,
)  # fmt: skip
# The loops go over these messages, and this makes a namespace, as long as no template puts others there.
_MESSAGES, _NAMESPACE = "messages", "namespace"


def is_plain(template: nodes.Template) -> bool:
    """Tell whether a parsed template is one of these; when in doubt, it is not."""
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
    """Tell whether this is `namespace(name=constant, …)`."""
    if not isinstance(node, nodes.Call) or not isinstance(node.node, nodes.Name):
        return False
    if node.node.name != _NAMESPACE or node.args or node.dyn_args or node.dyn_kwargs:
        return False
    return all(isinstance(pair.value, nodes.Const) for pair in node.kwargs)
