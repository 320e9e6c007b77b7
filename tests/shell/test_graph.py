"""Plans as graphs: what is in them, and that no text of a plan is syntax there."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from typing import Any

import pytest

from agx.plan.schema import Plan
from agx.shell.graph import MAX_LABEL_CHARS, plan_dot, plan_mermaid
from tests.plan.helpers import plan_of

DOT = shutil.which("dot")
PLAN = plan_of(
    {"command": "find", "args": [".", "-name", "*.rs"], "risk": ["reads"]},
    {"command": "xargs", "args": ["rm"], "input_from_task": 1, "risk": ["reads", "destructive"]},
    {
        "command": "echo",
        "args": [{"task": 1, "split": True}, {"text": ["a", {"task": 2}]}],
        "save_to": "my file",
    },
    {"command": "get_weather", "arguments": {"city": {"task": 3}}, "risk": ["network"]},
)
MERMAID = """\
flowchart TD
    t1["1: find #46; -name '#42;.rs'<br/>reads"]
    t2["2: xargs rm<br/>reads destructive"]:::severe
    t3["3: echo #36;(task 1) a#34;#36;(task 2)#34;"]
    f3[("my file")]
    t4["4: get#95;weather #123;#34;city#34;#58; #123;#34;task#34;#58; 3#125;#125;<br/>network"]:::careful
    t1 -->|input| t2
    t1 -.->|arguments| t3
    t2 -.->|argument| t3
    t3 -->|save| f3
    t3 -.->|argument| t4
    classDef severe stroke:#c0392b
    classDef careful stroke:#b9770e"""
GRAPH = r"""digraph plan {
    node [shape=box, fontname="monospace"];
    t1 [label="1: find . -name '*.rs'\lreads\l"];
    t2 [label="2: xargs rm\lreads destructive\l", color="#c0392b"];
    t3 [label="3: echo $(task 1) a\"$(task 2)\"\l"];
    f3 [label="my file\l", shape=note];
    t4 [label="4: get_weather {\"city\": {\"task\": 3}}\lnetwork\l", color="#b9770e"];
    t1 -> t2 [label="input"];
    t1 -> t3 [label="arguments", style=dashed];
    t2 -> t3 [label="argument", style=dashed];
    t3 -> f3 [label="save"];
    t3 -> t4 [label="argument", style=dashed];
}"""
HOSTILE = {
    "quotes": "a\"b'c`d",
    "brackets": ']") ]} [x] (y) {z} |p|',
    "tags": "</script><b onload=x>&amp;&lt; <!-- -->",
    "backslashes": "\\n \\l \\N \\G \\",
    "marks": "#35; #quot; # ; %% comment",
    "markdown": "**b** _i_ `c` # h - l 1. n www.example.com http://a/b x@y.z",
    "newlines": 'a\nb\r\n"];\n    t9[x]\n    rm -> x;',
    "controls": "\x1b[2J\x07\x9b",
    "hidden": "a\u202eb\u200bc\ufeff\U000e0041",
    "unicode": "é 日本語 😀 \u0301",
    "keywords": "end graph subgraph digraph strict click",
    "directive": "%%{init: {'securityLevel': 'loose'}}%%",
    "empty": "",
    "blanks": "   ",
    "long": "x" * 3000,
}


def hostile(text: str) -> Plan:
    """Return a plan with a text in every place that takes one."""
    return plan_of(
        {"command": text or "x", "args": [text, {"glob": text or "*"}], "save_to": text or "x"}
        if len(text) < 128
        else {"command": "echo", "args": [text], "save_to": text},
        {"command": "f", "arguments": {text: text}, "input_from_task": 1},
    )


def test_a_mermaid_flowchart() -> None:
    assert plan_mermaid(PLAN) == MERMAID


def test_a_dot_graph() -> None:
    assert plan_dot(PLAN) == GRAPH


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_is_mermaid_syntax(text: str) -> None:
    """Every line is of one of five shapes, in which labels have nothing but what is plain, and entities."""
    label = r"(?:[A-Za-z0-9 .,/=()':-]|<br/>|#\d+;)+"
    node = rf'    (t\d+\["{label}"\]|f\d+\[\("{label}"\)\])(:::\w+)?'
    lines = plan_mermaid(hostile(text)).splitlines()
    assert lines.pop(0) == "flowchart TD"
    for line in lines:
        edge = r"    \w+ -\.?->\|\w+\| \w+"
        assert re.fullmatch(rf"{node}|{edge}|    classDef \w+ stroke:#\w{{6}}", line), line
    assert sum(line.startswith("    t") and "[" in line for line in lines) == 2


def test_the_labels_of_mermaid_read_as_the_text() -> None:
    """An entity is `#` and a decimal number, as Mermaid's page says; a browser would write `&#`."""
    label = re.findall(r'\["(.*?)"\]', plan_mermaid(plan_of({"command": 'a"b#;<i>&é`*_$\\ -- 1. x'})))[0]
    assert html.unescape(label.replace("#", "&#").replace("<br/>", " ")) == '1: a"b#;<i>&é`*_$\\ -- 1. x'


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_is_dot_syntax(text: str) -> None:
    """Quoted strings end where they should, and nothing a terminal or a browser acts on is in them."""
    written = plan_dot(hostile(text))
    string = r'"(?:[^"\\\n]|\\.)*"'
    rest = re.sub(string, "S", written)
    statements = r"    [tf]\d+( -> [tf]\d+)? \[label=S(, (shape=note|style=dashed|color=S))*\];"
    for line in rest.splitlines()[2:-1]:
        assert re.fullmatch(statements, line), line
    labels = "".join(re.findall(string, written))
    assert not re.search(
        r"[<>\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]|&(?!amp;|lt;|gt;)", labels
    )
    assert set(re.findall(r"\\(.)", labels)) <= set('\\"l')


@pytest.mark.skipif(DOT is None, reason="needs Graphviz: apt-get install graphviz, or brew install graphviz")
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_graphviz_reads_the_graph(text: str) -> None:
    """The real program draws two tasks, a file and two edges, with the text in them."""
    assert DOT is not None
    done = subprocess.run(
        [DOT, "-Tsvg"], input=plan_dot(hostile(text)).encode(), capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
    drawn = done.stdout.decode()
    assert (drawn.count('class="node"'), drawn.count('class="edge"')) == (3, 2)


@pytest.mark.skipif(DOT is None, reason="needs Graphviz: apt-get install graphviz, or brew install graphviz")
def test_graphviz_shows_the_text_as_it_is() -> None:
    assert DOT is not None
    text = '</script> &amp; \\n "q" #;'
    drawn = subprocess.run(
        [DOT, "-Tsvg"], input=plan_dot(plan_of({"command": "echo", "args": [text]})).encode(),
        capture_output=True, check=True, timeout=60,
    ).stdout.decode()  # fmt: skip
    texts = [html.unescape(one).replace("\xa0", " ") for one in re.findall(r"<text[^>]*>(.*?)</text>", drawn)]
    assert texts == [f"1: echo '{text}'"]


def test_a_long_text_is_cut_and_wrapped() -> None:
    label = re.findall(r'label="(.*?)"\];', plan_dot(plan_of({"command": "echo", "args": ["x" * 3000]})))[0]
    lines = label.split("\\l")
    assert max(map(len, lines)) <= 60
    assert sum(map(len, lines)) <= MAX_LABEL_CHARS
    assert label.endswith("…\\l")


@pytest.mark.parametrize("write", [plan_mermaid, plan_dot])
def test_a_file_that_is_appended_to_is_a_node(write: Any) -> None:
    text = write(plan_of({"command": "echo", "append_to": "log"}))
    assert "append" in text
    assert "f1" in text
