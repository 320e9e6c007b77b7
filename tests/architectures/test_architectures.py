"""Every architecture through a worker: plans, seeds, and cancellations that leave nothing behind.

The weights are random, so the texts are; what is checked is that they are plans, or were cut off.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from agx.backends.llamacpp import LlamaCppBackend
from agx.backends.plan_requests import PlanOptions
from agx.backends.plans import generate_plan
from agx.backends.specs import LlamaCppSpec
from agx.errors import ModelBroken, PlanInvalid, PlanTruncated
from agx.plan.limits import TaskLimits
from agx.requests import GenerationRequest, LoadOptions, Message, Parameters
from agx.risk.context import PlanContext
from tests.architectures.vocabularies import is_there, vocabulary
from tests.architectures.writer import ARCHITECTURES, WINDOW, write_model

QUANTISATIONS = ("F16", "Q8_0", "Q4_0")
# A real vocabulary where it suits the architecture; the largest one once, since it makes files of 20 MB.
VOCABULARIES = {
    "llama": "llama-spm",
    "mistral": "llama-spm",
    "qwen2-F16": "qwen2",
    "phi3": "phi-3",
    "gemma2": "llama-spm",
    "mamba": "gpt-2",
}
SMALL = PlanContext(
    max_tasks=3, limits=TaskLimits(max_args=2, max_arg_chars=6, max_path_chars=6, max_text_parts=2)
)
MAX_TOKENS = 120
# Nothing that a model writes ends this soon.
ENDLESS = {"type": "array", "items": {"type": "integer"}, "minItems": 400}
LONG_TEXT = " ".join(f"word{number}" for number in range(180))


@dataclass(frozen=True)
class Case:
    """One kind of model."""

    architecture: str
    quantisation: str

    @property
    def vocabulary(self) -> str:
        named = VOCABULARIES.get(f"{self.architecture}-{self.quantisation}")
        name = named or VOCABULARIES.get(self.architecture, "bytes")
        return name if is_there(name) else "bytes"

    def __str__(self) -> str:
        return f"{self.architecture}-{self.quantisation}"


CASES = [Case(architecture, quantisation) for architecture in ARCHITECTURES for quantisation in QUANTISATIONS]
each_case = pytest.mark.parametrize("case", CASES, ids=str)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], Path]:
    """Return the file of a model, which is written when it is first asked for."""
    folder = tmp_path_factory.mktemp("architectures")

    def written(case: Case) -> Path:
        path = folder / f"{case}.gguf"
        if not path.exists():
            tokens = vocabulary(case.vocabulary)
            write_model(path, case.architecture, quantisation=case.quantisation, tokens=tokens)
        return path

    return written


@asynccontextmanager
async def worker(path: Path) -> AsyncIterator[LlamaCppBackend]:
    backend = LlamaCppBackend(LlamaCppSpec(path, load=LoadOptions(device="cpu", threads=1)))
    try:
        yield backend
    finally:
        await backend.aclose()


async def planned(backend: LlamaCppBackend, *, temperature: float, seed: int = 1) -> str:
    """Return the text of a plan, or what there was of it when the tokens ran out."""
    options = PlanOptions(
        Parameters(temperature=temperature, max_tokens=MAX_TOKENS), seed=seed, deadline_secs=60
    )
    try:
        return (await generate_plan(backend, f"list {'all ' * WINDOW}files", SMALL, options=options)).text
    except PlanTruncated as error:
        return str(error.details["text"])
    except PlanInvalid as error:
        if _errors(error) != {"empty-reference"}:
            raise
        return str(error.details["text"])


def _errors(error: PlanInvalid) -> set[str]:
    """Return the rules that a plan breaks. One no schema can hold: what goes to a file is not to be read."""
    findings = cast("list[dict[str, str]]", error.details["findings"])
    return {finding["rule"] for finding in findings if finding["severity"] == "error"}


@each_case
async def test_the_same_seed_gives_the_same_plan_hot_or_cold(
    file: Callable[[Case], Path], case: Case
) -> None:
    async with worker(file(case)) as backend:
        assert (await backend.model_facts()).context_length
        cold = [await planned(backend, temperature=0.0, seed=seed) for seed in (1, 2)]
        hot = [await planned(backend, temperature=2.0, seed=seed) for seed in (1, 2, 1)]
    assert cold[0] == cold[1]
    assert hot[0] == hot[2] != hot[1]
    assert all(text.startswith('{"tasks":[{"command":"') for text in (*cold, *hot))


@each_case
async def test_a_cancelled_generation_leaves_nothing_behind(file: Callable[[Case], Path], case: Case) -> None:
    """Not in the model's memory either, which some architectures cannot empty in part."""
    async with worker(file(case)) as backend:
        pid = (await backend.health_check()).facts["pid"]
        await _cancel_while_reading(backend)
        after_reading = await planned(backend, temperature=2.0)
        await _cancel_while_writing(backend)
        after_writing = await planned(backend, temperature=2.0)
        assert (await backend.health_check()).facts["pid"] == pid, "the worker died on the way"
    async with worker(file(case)) as fresh:
        expected = await planned(fresh, temperature=2.0)
    assert after_reading == after_writing == expected


@pytest.mark.parametrize("architecture", ["llama", "gemma3", "mamba", "lfm2"])
async def test_results_that_are_no_numbers_are_an_error_and_leave_nothing_behind(
    tmp_path: Path, architecture: str
) -> None:
    """One character makes what the model keeps no number; zero times that is none either."""
    broken, whole = ((tmp_path / f"{name}.gguf") for name in ("broken", "whole"))
    tokens = vocabulary("bytes")
    write_model(broken, architecture, quantisation="F16", tokens=tokens, broken_token=1)
    write_model(whole, architecture, quantisation="F16", tokens=tokens)
    async with worker(broken) as backend:
        for schema in (None, ENDLESS):
            with pytest.raises(ModelBroken):
                await anext(backend.generate(_request("\1", schema)))
        texts = [await planned(backend, temperature=temperature) for temperature in (0.0, 0.7)]
    async with worker(whole) as fresh:
        assert texts == [await planned(fresh, temperature=temperature) for temperature in (0.0, 0.7)]


def _request(content: str, schema: dict[str, Any] | None = ENDLESS) -> GenerationRequest:
    parameters = Parameters(temperature=2.0, max_tokens=1000)
    return GenerationRequest((Message("user", content),), schema=schema, parameters=parameters)


async def _cancel_while_reading(backend: LlamaCppBackend) -> None:
    async with aclosing(backend.generate(_request(LONG_TEXT))) as chunks:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(chunks)


async def _cancel_while_writing(backend: LlamaCppBackend) -> None:
    async with aclosing(backend.generate(_request("write on"))) as chunks:
        await anext(chunks)
        chunk = await anext(chunks)
    assert chunk.finish_reason is None
