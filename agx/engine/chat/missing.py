"""What a chat template uses and AGX does not have: filters, tests and functions, with their lines.

Jinja says so when a prompt first needs it, and where it stands outside every condition when the template is
compiled. Here it is read from the template's tree, for those who choose one.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from agx.engine.chat.jinja import nodes
from agx.util.frozen import dataclass


@dataclass(frozen=True, slots=True)
class MissingName:
    """A filter, a test or a function that a template uses and nobody defines."""

    kind: str
    name: str
    line: int

    def __str__(self) -> str:
        """Return the words for people."""
        return f"the {self.kind} {self.name!r} (line {self.line})"


def missing_names(
    tree: nodes.Template,
    *,
    filters: Container[str],
    tests: Container[str],
    functions: Container[str],
) -> tuple[MissingName, ...]:
    """Return what is missing, each name once, by the line where it is first used."""
    found: dict[tuple[str, str], MissingName] = {}
    unknown = (*_unknown(tree, nodes.Filter, filters), *_unknown(tree, nodes.Test, tests))
    for missing in sorted((*unknown, *_calls(tree, functions)), key=lambda each: each.line):
        found.setdefault((missing.kind, missing.name), missing)
    return tuple(found.values())


def _unknown(
    tree: nodes.Template, kind: type[nodes.Filter | nodes.Test], known: Container[str]
) -> Iterator[MissingName]:
    for node in tree.find_all(kind):
        if node.name not in known:
            yield MissingName(kind.__name__.lower(), node.name, node.lineno)


def _calls(tree: nodes.Template, known: Container[str]) -> Iterator[MissingName]:
    """Yield the functions that are called by a name which nothing in the template defines or asks about."""
    own = {"caller", "loop", *(macro.name for macro in tree.find_all(nodes.Macro))}
    own |= {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
    own |= {name.name for test in _definedness(tree) for name in test.find_all(nodes.Name)}
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name not in own and call.node.name not in known:
            yield MissingName("function", call.node.name, call.lineno)


def _definedness(tree: nodes.Template) -> Iterator[nodes.Test]:
    """Yield the tests `x is defined` and `x is undefined`."""
    return (test for test in tree.find_all(nodes.Test) if test.name in {"defined", "undefined"})
