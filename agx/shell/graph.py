"""A plan as a graph: Mermaid flowcharts and Graphviz DOT.

A task is a node with its number, its command line and its risk; a file that gets an output is a node
as well. An edge says what goes along it: `input` (standard input), `argument` or, with `split`,
`arguments` (the output as such), `save` and `append`. Texts are shown as in a table, shortened, with
what cannot be seen as an escape, and nothing in them is syntax.

Sources: https://mermaid.js.org/syntax/flowchart.html (special characters and entity codes),
https://graphviz.org/doc/info/lang.html (quoted strings), https://graphviz.org/docs/attr-types/escString/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import NamedTuple

from agx.plan.references import references
from agx.plan.schema import Plan, Task, TaskOutput
from agx.shell.render import task_line
from agx.util.texts import shortened, visible

MAX_LABEL_CHARS = 400
_LINE_CHARS = 60
# What is not plain is written as an entity: that leaves nothing for Mermaid, which reads labels as
# Markdown (lists, links), nor for a browser. The colon behind a task's number is plain.
_NOT_PLAIN = re.compile(
    r"(?!(?<=^\d):|(?<=^\d\d):)[^A-Za-z0-9 .,/=()'-]|[.-](?![A-Za-z0-9])|(?<=[Ww][Ww][Ww])\."
)
_SEVERE = frozenset({"destructive", "privilege"})
_CAREFUL = frozenset({"writes", "network", "runs_code"})
_STROKES = {"severe": "#c0392b", "careful": "#b9770e"}


class _Node(NamedTuple):
    """A task or a file: its name in the graph, the lines of its label and its colour's name, if any."""

    name: str
    lines: Sequence[str]
    is_file: bool = False
    colour: str = ""


class _Edge(NamedTuple):
    """From where to where, with its label; dashed where the output becomes an argument."""

    source: str
    target: str
    label: str
    is_dashed: bool = False


def plan_mermaid(plan: Plan) -> str:
    """Return the plan as a Mermaid flowchart."""
    nodes, edges = _graph(plan.tasks)
    lines = ["flowchart TD"]
    for node in nodes:
        label = "<br/>".join(_NOT_PLAIN.sub(_entity, line) for line in node.lines)
        opening, closing = ('[("', '")]') if node.is_file else ('["', '"]')
        colour = f":::{node.colour}" if node.colour else ""
        lines.append(f"    {node.name}{opening}{label}{closing}{colour}")
    for edge in edges:
        arrow = "-.->" if edge.is_dashed else "-->"
        lines.append(f"    {edge.source} {arrow}|{edge.label}| {edge.target}")
    used = {node.colour for node in nodes}
    lines += [f"    classDef {name} stroke:{stroke}" for name, stroke in _STROKES.items() if name in used]
    return "\n".join(lines)


def plan_dot(plan: Plan) -> str:
    """Return the plan as a directed graph in the DOT language of Graphviz."""
    nodes, edges = _graph(plan.tasks)
    lines = ["digraph plan {", '    node [shape=box, fontname="monospace"];']
    for node in nodes:
        label = "".join(_quoted(line) + "\\l" for line in node.lines)
        more = ", shape=note" if node.is_file else ""
        more += f', color="{_STROKES[node.colour]}"' if node.colour else ""
        lines.append(f'    {node.name} [label="{label}"{more}];')
    for edge in edges:
        more = ", style=dashed" if edge.is_dashed else ""
        lines.append(f'    {edge.source} -> {edge.target} [label="{edge.label}"{more}];')
    return "\n".join([*lines, "}"])


def _graph(tasks: Sequence[Task]) -> tuple[list[_Node], list[_Edge]]:
    nodes: list[_Node] = []
    edges: list[_Edge] = []
    for task in tasks:
        name = f"t{task.task_number}"
        lines = _wrapped(f"{task.task_number}: {visible(task_line(task))}")
        risk = [" ".join(one.replace("_", " ") for one in task.risk)] if task.risk else []
        nodes.append(_Node(name, [*lines, *risk], colour=_colour(task)))
        edges += dict.fromkeys(_edges(task, name))
        for label, path in (("save", task.save_to), ("append", task.append_to)):
            if path is not None:
                file = f"f{task.task_number}"
                nodes.append(_Node(file, _wrapped(visible(path)), is_file=True))
                edges.append(_Edge(name, file, label))
    return nodes, edges


def _wrapped(text: str) -> list[str]:
    lines = wrap(shortened(text, MAX_LABEL_CHARS), _LINE_CHARS, break_on_hyphens=False)
    return lines or [" "]


def _colour(task: Task) -> str:
    if not _SEVERE.isdisjoint(task.risk):
        return "severe"
    return "" if _CAREFUL.isdisjoint(task.risk) else "careful"


def _edges(task: Task, name: str) -> Iterator[_Edge]:
    if task.input_from_task is not None:
        yield _Edge(f"t{task.input_from_task}", name, "input")
    split = {item.task for item in task.args if isinstance(item, TaskOutput) and item.split}
    for number in references(task):
        label = "arguments" if number in split else "argument"
        yield _Edge(f"t{number}", name, label, is_dashed=True)


def _entity(match: re.Match[str]) -> str:
    return f"#{ord(match[0])};"


def _quoted(text: str) -> str:
    """Escape for a label in double quotes, in which Graphviz reads backslashes and HTML entities."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\\", "\\\\").replace('"', '\\"')
