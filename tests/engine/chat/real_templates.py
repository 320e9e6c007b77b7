"""What the tests of real chat templates share, and what writes the golden prompts.

`python -m tests.engine.chat.real_templates` renders every template again and writes the file; read
the difference before keeping it. Our own messages stand in it by name; what is left is the template's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import jinja2
import pytest
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agx.backends.plan_requests import Draft, PlanOptions, plan_request
from agx.engine.chat.prompt_writer import Conversation, Prompt, PromptWriter
from agx.engine.chat.templates import ChatTemplate
from agx.errors import TemplateError
from agx.plan.schema import Finding
from agx.plan.tools import Registry, ToolInfo
from agx.requests import GenerationRequest
from agx.risk.context import PlanContext
from tests.plan.helpers import plan_of

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "chat-templates"
GOLDEN = Path(__file__).parents[2] / "data" / "chat_templates.jsonl"
needs_templates = pytest.mark.skipif(not FOLDER.exists(), reason=f"no chat templates at {FOLDER}")
NAMES = sorted(path.stem for path in FOLDER.glob("*.jinja"))

COMMANDS = Registry.of([ToolInfo("find", "Look for files"), ToolInfo("wc", "Count lines")])
WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Name of the city"},
        "days": {"type": "integer", "minimum": 1, "default": 1},
        "unit": {"enum": ["C", "F"]},
        "places": {"type": "array", "items": {"type": "object", "properties": {"zip": {"type": "string"}}}},
    },
    "required": ["city"],
}
FUNCTIONS = Registry.of(
    [
        ToolInfo("get_weather", "Give the weather of a city.", schema=WEATHER),
        ToolInfo("stop", "Stop everything.", schema={"type": "object", "properties": {}}),
    ]
)
INSTRUCTION = "list all rust files and count lines"
DRAFT = Draft(
    plan_of({"command": "find", "args": [".", "-name", "*.rs"]}),
    (Finding(severity="error", task=1, message="nothing counts the lines"),),
)


def source_of(name: str) -> str:
    return (FOLDER / f"{name}.jinja").read_text(encoding="utf-8")


def clock() -> datetime:
    return datetime(2024, 7, 26, 9, 30, tzinfo=UTC)


def as_they_are(texts: Iterable[str]) -> tuple[list[str], str]:
    """Stand in for a vocabulary without special tokens."""
    return list(texts), "\ue000"


def writer_of(template: ChatTemplate) -> PromptWriter:
    return PromptWriter(template, defused=as_they_are)


def template_of(name: str) -> ChatTemplate:
    return ChatTemplate(source_of(name), bos_text="<s>", eos_text="</s>", clock=clock)


def requests() -> dict[str, GenerationRequest]:
    """Return Echo's and Delta's requests, with commands and with functions."""
    commands, functions = PlanContext(tools=COMMANDS), PlanContext(tools=FUNCTIONS)
    return {
        "echo": plan_request(INSTRUCTION, commands, PlanOptions(reasoning_tokens=0)),
        "delta": plan_request(INSTRUCTION, commands, PlanOptions(reasoning_tokens=0), DRAFT),
        "functions": plan_request(INSTRUCTION, functions, PlanOptions(reasoning_tokens=0)),
        "thinking": plan_request(INSTRUCTION, commands, PlanOptions(reasoning_tokens=100)),
    }


KINDS = tuple(requests())


def conversation(request: GenerationRequest) -> Conversation:
    return Conversation(
        messages=[{"role": message.role, "content": message.content} for message in request.messages],
        tools=request.tools,
        tools_text=request.tools_text,
        reasoning_tokens=request.reasoning_tokens,
    )


def written(name: str, request: GenerationRequest, *, template: ChatTemplate | None = None) -> Prompt:
    return writer_of(template or template_of(name)).write(conversation(request))


def shortened(text: str, request: GenerationRequest) -> str:
    """Put names in the place of our own texts."""
    system = request.messages[0].content
    without_tools = system.replace(request.tools_text, "") if request.tools_text else system
    for name, own in (
        ("system", system),
        ("system without its tools", without_tools),
        *((f"{message.role} {place}", message.content) for place, message in enumerate(request.messages)),
    ):
        text = text.replace(own, f"⟨{name}⟩").replace(own.strip(), f"⟨{name}⟩")
    return text


def golden_lines() -> Iterator[str]:
    for name in NAMES:
        for kind, request in requests().items():
            text = shortened(written(name, request).text, request)
            row = {"template": name, "conversation": kind, "prompt": text}
            yield json.dumps(row, ensure_ascii=False) + "\n"


def golden() -> dict[tuple[str, str], str]:
    rows = map(json.loads, GOLDEN.read_text(encoding="utf-8").splitlines())
    return {(row["template"], row["conversation"]): row["prompt"] for row in rows}


class _Generation(Extension):
    """The tag of Hugging Face's templates that marks what an assistant has written."""

    tags = {"generation"}  # noqa: RUF012 - jinja2's own declaration

    def parse(self, parser: Parser) -> list[jinja2.nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class Oracle(ChatTemplate):
    """The same templates rendered as Hugging Face's transformers render them: no limits of ours.

    Source: `_compile_jinja_template` in
    https://github.com/huggingface/transformers/blob/main/src/transformers/utils/chat_template_utils.py
    """

    def __init__(self, source: str) -> None:
        self.source, self.clock = source, clock
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
        )
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = _raise_exception
        environment.globals["strftime_now"] = lambda pattern: clock().strftime(pattern)
        self._compiled = environment.from_string(source)

    def render(
        self, messages: Sequence[Mapping[str, object]], *, variables: Mapping[str, object] | None = None
    ) -> str:
        given = {"bos_token": "<s>", "eos_token": "</s>", "tools": None, "documents": None}
        try:
            return self._compiled.render(messages=messages, **given | dict(variables or {}))
        except Exception as error:
            raise TemplateError(str(error)) from error


def _to_json(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: Any = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _raise_exception(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


if __name__ == "__main__":
    GOLDEN.write_text("".join(golden_lines()), encoding="utf-8")
