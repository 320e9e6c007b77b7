"""Plans of a model that knows nothing, in each dialect: what comes back is valid, the rest is an error."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest_asyncio
from jsonschema import Draft202012Validator

from agx.backends.llamacpp import LlamaCppBackend
from agx.backends.plan_requests import PlanOptions, plan_request
from agx.backends.plans import generate_plan
from agx.backends.specs import LlamaCppSpec
from agx.errors import AgxError, PlanInvalid, PlanTruncated
from agx.plan.dialects import DialectChoice
from agx.plan.limits import TaskLimits
from agx.plan.schema import Plan
from agx.plan.tools import Registry, ToolInfo
from agx.requests import LoadOptions, Parameters
from agx.risk.context import GeneratedPlan, PlanContext
from agx.rules.check import read_plan
from agx.shell.parse import parse_shell
from agx.shell.render import plan_json
from agx.toolcalls.reading import calls_in
from tests.tiny_gguf import TinyModel, write_tiny_gguf

NUM_PLANS = 2000
NUM_PIPELINES = 400
NUM_CALLS = 300
NUM_WORKERS = 2
# As the embedded planner's, it leaves the rules and the tools out: the prompt stays short.
TEMPLATE = "<|user|>{{ messages[-1].content }}<|assistant|>"
CONTEXT = PlanContext(
    max_tasks=3, limits=TaskLimits(max_args=2, max_arg_chars=6, max_path_chars=6, max_text_parts=2)
)
# The same with tools, and with calls in a format that AGX knows.
CALLING = (
    "{% for tool in tools or [] %}{{ tool | tojson }}{% endfor %}{% for message in messages %}"
    "<|{{ message.role }}|>{{ message.content }}{% for call in message.tool_calls or [] %}<tool_call>\n"
    """{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}"""
    "\n</tool_call>{% endfor %}{% endfor %}<|assistant|>"
)
TEXT = {"type": "string", "minLength": 4, "maxLength": 8}
FUNCTIONS = PlanContext(
    tools=Registry.of(
        (
            ToolInfo("f", schema={"properties": {"a": TEXT, "b": TEXT}, "required": ["a"]}),
            ToolInfo("g", schema={"properties": {"c": TEXT, "d": {"type": "boolean"}}, "required": ["c"]}),
            ToolInfo("h", schema={"properties": {"a": TEXT}}),
        )
    ),
    forbidden=frozenset({"h"}),
    max_tasks=3,
)
HOT = Parameters(temperature=2.0, max_tokens=160)

Outcome = GeneratedPlan | AgxError


@pytest_asyncio.fixture
async def backends(tmp_path: Path) -> AsyncIterator[list[LlamaCppBackend]]:
    """Several workers with the same model, which is made for Unix tools."""
    async with _workers(write_tiny_gguf(tmp_path / "tiny.gguf", TinyModel(chat_template=TEMPLATE))) as opened:
        yield opened


@pytest_asyncio.fixture
async def general_backends(tmp_path: Path) -> AsyncIterator[list[LlamaCppBackend]]:
    """The same with a general model."""
    model = TinyModel(chat_template=TEMPLATE, planner_tools=None)
    async with _workers(write_tiny_gguf(tmp_path / "tiny.gguf", model)) as opened:
        yield opened


@pytest_asyncio.fixture
async def calling_backends(tmp_path: Path) -> AsyncIterator[list[LlamaCppBackend]]:
    """The same with a general model whose template teaches tool calls."""
    model = TinyModel(chat_template=CALLING, planner_tools=None)
    async with _workers(write_tiny_gguf(tmp_path / "tiny.gguf", model)) as opened:
        yield opened


@asynccontextmanager
async def _workers(model: Path) -> AsyncIterator[list[LlamaCppBackend]]:
    async with AsyncExitStack() as stack:
        opened = [
            LlamaCppBackend(LlamaCppSpec(model, load=LoadOptions(device="cpu", threads=1)))
            for _ in range(NUM_WORKERS)
        ]
        for backend in opened:
            stack.push_async_callback(backend.aclose)
        yield opened


async def test_every_plan_of_a_random_model_is_valid_or_a_typed_error(
    backends: list[LlamaCppBackend],
) -> None:
    """At temperature 2 and with small limits more than half come back, and all of those can be read again."""
    plans, errors = await _planned(backends, "json", number=NUM_PLANS)
    # Only a text that the budget cut off, or one that breaks a rule which no schema can hold.
    assert errors.keys() <= {PlanTruncated, PlanInvalid}
    _check_texts(plans)


async def test_every_pipeline_of_a_random_model_is_a_valid_plan(
    general_backends: list[LlamaCppBackend],
) -> None:
    """The same in the shell dialect, where a text can break no rule: it is whole, or it was cut off."""
    plans, errors = await _planned(general_backends, "shell", number=NUM_PIPELINES)
    assert errors.keys() <= {PlanTruncated}
    for generated in plans:
        assert generated.metadata.parameters["dialect"] == "shell"
        again = parse_shell(generated.text)
        assert [task.written() for task in again.tasks] == [task.written() for task in generated.tasks]
        assert all(finding.severity != "error" for finding in generated.findings)
    assert {1, 2} <= {len(generated.tasks) for generated in plans} <= {1, 2, 3}


async def test_the_calls_of_a_random_model_are_a_valid_plan(calling_backends: list[LlamaCppBackend]) -> None:
    """The same in the native dialect, which such a model writes by itself: no call of a forbidden tool."""
    plans, errors = await _planned(calling_backends, "auto", number=NUM_CALLS, context=FUNCTIONS)
    assert errors.keys() <= {PlanTruncated}
    for generated in plans:
        assert generated.metadata.parameters["dialect"] == "native"
        written = [(task.command, task.arguments) for task in generated.tasks]
        assert calls_in(generated.text) == written
        assert {name for name, _ in written} <= {"f", "g"}
        assert all(finding.severity != "error" for finding in generated.findings)
    assert {1, 2} <= {len(generated.tasks) for generated in plans} <= {1, 2, 3}


async def _planned(
    backends: list[LlamaCppBackend],
    dialect: DialectChoice,
    *,
    number: int,
    context: PlanContext = CONTEXT,
) -> tuple[list[GeneratedPlan], Counter[type[AgxError]]]:
    """Return the plans, at least half of the number and hardly two alike, and how often each error came."""
    shares = [range(first, number, NUM_WORKERS) for first in range(NUM_WORKERS)]
    outcomes = await asyncio.gather(
        *(
            _outcomes(backend, share, dialect, context)
            for backend, share in zip(backends, shares, strict=True)
        )
    )
    every = [outcome for share in outcomes for outcome in share]
    plans = [outcome for outcome in every if isinstance(outcome, GeneratedPlan)]
    errors = Counter(type(outcome) for outcome in every if isinstance(outcome, AgxError))

    assert len(every) == len(plans) + errors.total() == number
    assert len(plans) >= number / 2, errors
    assert len({generated.text for generated in plans}) > len(plans) * 0.9, "they are hardly random"
    return plans, errors


async def _outcomes(
    backend: LlamaCppBackend, seeds: Iterable[int], dialect: DialectChoice, context: PlanContext
) -> list[Outcome]:
    options = PlanOptions(HOT, deadline_secs=60, examples=0, dialect=dialect)
    return [await _outcome(backend, replace(options, seed=seed), context) for seed in seeds]


async def _outcome(backend: LlamaCppBackend, options: PlanOptions, context: PlanContext) -> Outcome:
    try:
        return await generate_plan(backend, f"do number{options.seed}", context, options=options)
    except AgxError as error:
        return error


def _check_texts(plans: list[GeneratedPlan]) -> None:
    """Check by our own reader and by the `jsonschema` package, each against what the request said."""
    schema = plan_request("x", CONTEXT, PlanOptions()).schema
    assert isinstance(schema, dict)
    written = Draft202012Validator(schema)
    whole = Draft202012Validator(Plan.model_json_schema(mode="serialization"))
    for generated in plans:
        written.validate(json.loads(generated.text))
        whole.validate(json.loads(plan_json(generated.plan)))
        again, findings = read_plan(generated.text, CONTEXT.registry, max_tasks=CONTEXT.task_limit)
        assert again.tasks == generated.tasks
        assert findings == generated.findings
        assert all(finding.severity != "error" for finding in findings)
