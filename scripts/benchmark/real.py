"""A real model from a file: the second plan against the first, many at once, Delta's draft, and memory.

With the package `xllamacpp` (llama.cpp's own server engine) the same requests are made of it, too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from agx import GeneratedPlan, Planner, PlannerConfig, PlanOutcome, read_card
from agx.backends.base import ModelBackend
from agx.backends.create import create_backend
from agx.backends.plan_requests import PlanOptions
from agx.backends.plans import prepare
from agx.backends.specs import LlamaCppSpec
from agx.gguf.memory import need_of, use_of
from agx.planning.pipeline import draft_of
from agx.requests import GenerationRequest, Parameters, Usage
from agx.risk.context import PlanContext
from agx.util.machine import resident_bytes
from scripts.benchmark.machine import ROOT
from scripts.benchmark.reference import convertible
from scripts.benchmark.report import Figure, Section, ratio
from scripts.benchmark.server_engine import ServerEngine

NUM_AT_ONCE = 16
_PROCESSES = 5
_MAX_TOKENS = 256


async def real(model: Path, instructions: Sequence[str]) -> AsyncGenerator[Section, None]:
    """Measure a model from a file, and yield each section when it is there; each has processes of its own."""
    yield await _first_token(model, instructions)
    yield _processes(model, instructions)
    yield await _at_once(model, instructions)
    yield await _draft(model, instructions)
    if find_spec("xllamacpp") is not None:
        yield await _beside_server(model, instructions)


def _config(model: Path, **fields: object) -> PlannerConfig:
    return PlannerConfig(echo_model=str(model), delta_model=str(model), **fields)  # type: ignore[arg-type]


# --- one process -----------------------------------------------------------------------------------


async def _first_token(model: Path, instructions: Sequence[str]) -> Section:
    """Compare the time to the first text, and look at the memory afterwards."""
    async with Planner(_config(model)) as planner:
        health = await planner.health_check()
        times = [await _secs_to_text(planner, each) for each in instructions[:8]]
        used = (await planner.prompt(instructions[0])).prompt_tokens
        resident = resident_bytes(int(health.facts["pid"])) or 0
    card = read_card(model)
    options = {"key_type": "f16", "value_type": "f16", "flash_attn": "auto"}
    cache = need_of(card, use_of(card, context_size=used, **options)).cache  # type: ignore[arg-type]
    over = (resident - card.size_bytes - cache) / 1e6
    return Section(
        "Plans of one process, one after the other, each of another instruction",
        (
            Figure("first plan, time to the first text", times[0], "s"),
            Figure("later plans, time to the first text, median", median(times[1:]), "s"),
            ratio("later / first", times[1:], times[:1], aim=0.25),
            Figure("memory over weights and used cache", over, "MB", aim=60),
        ),
        notes=(f"resident {resident / 1e6:.0f} MB, the file {card.size_bytes / 1e6:.0f} MB",),
        samples={"first text": times},
    )


async def _secs_to_text(planner: Planner, instruction: str) -> float:
    started = time.perf_counter()
    first: float | None = None
    async with aclosing(planner.stream(instruction)) as pieces:
        async for piece in pieces:
            if first is None and not isinstance(piece, GeneratedPlan) and piece.text:
                first = time.perf_counter() - started
    assert first is not None, "a plan has a text"
    return first


# --- whole processes -------------------------------------------------------------------------------


def _processes(model: Path, instructions: Sequence[str]) -> Section:
    """Run `agx plan` in new processes: nothing on disk, then the prompt's state there, then `agx up`."""
    model.read_bytes()  # what is measured is not the disk
    with TemporaryDirectory() as home:
        first = _run(["plan", instructions[0]], model, home=home)
        others = instructions[1 : 1 + _PROCESSES]
        later = [_run(["plan", "--warm", "off", each], model, home=home) for each in others]
        _run(["up", str(model)], None, home=home)
        try:
            _run(["plan", instructions[-1]], model, home=home)  # warms up
            kept = [_run(["plan", each], model, home=home) for each in others]
        finally:
            _run(["down", "--all"], None, home=home)
    return Section(
        "`agx plan --model` as a whole process, each of another instruction",
        (
            Figure("the first ever", first, "s"),
            Figure("a later one, median", median(later), "s"),
            Figure("a later one with `agx up`, median", median(kept), "s"),
            ratio("later / first ever", later, [first], aim=0.4),
            ratio("with `agx up` / later", kept, later, aim=0.3),
            ratio("with `agx up` / first ever", kept, [first], aim=0.3),
        ),
        samples={"first": [first], "later": later, "kept": kept},
    )


def _run(arguments: Sequence[str], model: Path | None, *, home: str) -> float:
    env = {name: value for name, value in os.environ.items() if not name.startswith("AGX_")}
    more = [] if model is None else ["--model", str(model), "--json"]
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "agx", *arguments, *more],
        cwd=ROOT,
        env=env | {"AGX_HOME": home},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    return time.monotonic() - started


# --- many at once ----------------------------------------------------------------------------------


async def _at_once(model: Path, instructions: Sequence[str]) -> Section:
    chosen = instructions[:NUM_AT_ONCE]
    rates = {}
    for parallel in (1, NUM_AT_ONCE):
        async with Planner(_config(model)) as planner:
            await planner.plan(instructions[-1])  # what all prompts share is computed
            rates[parallel] = await _rate(planner, chosen, parallel=parallel)
    return Section(
        f"{len(chosen)} plans at once against one after the other",
        (
            Figure("one after the other", rates[1], "tokens/s"),
            Figure("at once", rates[NUM_AT_ONCE], "tokens/s"),
            Figure(
                "at once / one after the other", rates[NUM_AT_ONCE] / rates[1], aim=2.5, more_is_better=True
            ),
        ),
        notes=("tokens written, over the time of all plans with their prompts",),
    )


async def _rate(planner: Planner, instructions: Sequence[str], *, parallel: int) -> float:
    started = time.perf_counter()
    outcomes: list[PlanOutcome] = []
    async with aclosing(planner.plan_many(instructions, parallel=parallel)) as ready:
        outcomes.extend([each async for each in ready])
    secs = time.perf_counter() - started
    return sum(each.generated.metadata.completion_tokens for each in outcomes if each.generated) / secs


# --- Delta -----------------------------------------------------------------------------------------


async def _draft(model: Path, instructions: Sequence[str]) -> Section:
    """Compare what a token of the answer costs with the draft looked up, where it stays, and without."""
    backend, with_draft, without = create_backend(LlamaCppSpec(model)), [], []
    context = PlanContext()
    async with Planner(_config(model), backend=backend) as planner:
        for instruction in instructions[:8]:
            generated = await planner.plan(instruction)
            draft = draft_of(generated.plan, instruction, context)
            request = (await prepare(backend, instruction, context, draft=draft)).request
            await _generate(backend, request)  # reads the prompt
            looked_up = await _generate(backend, request)
            plain = await _generate(backend, replace(request, draft=None))
            if looked_up[0] == request.draft:
                with_draft.append(_decode_ms(looked_up[1]))
                without.append(_decode_ms(plain[1]))
    await backend.aclose()
    figures = [ratio("with look-up / without", with_draft, without, aim=0.5)] if with_draft else []
    return Section(
        "Delta on drafts that stay: time of decoding, a token",
        figures,
        notes=(
            f"{len(with_draft)} of {len(instructions[:8])} drafts stay; without look-up it writes freely",
        ),
        samples={"with": with_draft, "without": without},
    )


def _decode_ms(usage: Usage) -> float:
    return usage.timings_ms["decode"] / max(1, usage.completion_tokens)


async def _generate(backend: ModelBackend, request: GenerationRequest) -> tuple[str, Usage]:
    texts, usage = [], Usage()
    async with aclosing(backend.generate(request)) as chunks:
        async for chunk in chunks:
            texts.append(chunk.text)
            usage = chunk.usage or usage
    return "".join(texts), usage


# --- llama.cpp's server engine ----------------------------------------------------------------------


async def _beside_server(model: Path, instructions: Sequence[str]) -> Section:
    """Make the same requests of both, in JSON and with the same schema: in turn, then all at once."""
    chosen = instructions[:NUM_AT_ONCE]
    backend = create_backend(LlamaCppSpec(model))
    requests = [await _json_request(backend, each) for each in instructions]
    bodies = [_body(each) for each in requests]
    with ServerEngine(model, slots=NUM_AT_ONCE, threads=os.cpu_count() or 1) as server:
        await _generate(backend, requests[-1])
        server.ask([bodies[-1]])
        ours, theirs = [], []
        for request, body in list(zip(requests, bodies, strict=True))[:8]:
            started = time.perf_counter()
            await _generate(backend, request)
            ours.append(time.perf_counter() - started)
            theirs.append(server.ask([body]).secs)
        at_once = server.ask(bodies[: len(chosen)])
    await backend.aclose()
    async with Planner(_config(model, dialect="json")) as planner:
        await planner.plan(instructions[-1])
        rate = await _rate(planner, chosen, parallel=NUM_AT_ONCE)
    return Section(
        "Beside llama.cpp's server engine: same file, messages and schema, in JSON, its prompt cache on",
        (
            Figure("AGX, one plan, median", median(ours), "s"),
            Figure("the server engine, median", median(theirs), "s"),
            ratio("AGX / server engine", ours, theirs, aim=0.8),
            Figure("AGX, 16 at once", rate, "tokens/s"),
            Figure("the server engine, 16 slots", at_once.tokens / at_once.secs, "tokens/s"),
            Figure(
                "AGX / server engine, at once",
                rate * at_once.secs / at_once.tokens,
                aim=1.2,
                more_is_better=True,
            ),
        ),
        notes=("the schema as scripts/benchmark/reference.py changes it for llama.cpp's converter",),
        samples={"agx": ours, "server": theirs},
    )


async def _json_request(backend: ModelBackend, instruction: str) -> GenerationRequest:
    options = PlanOptions(Parameters(max_tokens=_MAX_TOKENS), dialect="json")
    return (await prepare(backend, instruction, PlanContext(), options=options)).request


def _body(request: GenerationRequest) -> str:
    assert request.schema is not None
    assert not isinstance(request.schema, str)
    schema = {"name": "plan", "schema": convertible(request.schema)}
    return json.dumps(
        {
            "messages": [{"role": each.role, "content": each.content} for each in request.messages],
            "response_format": {"type": "json_schema", "json_schema": schema},
            "max_tokens": request.parameters.max_tokens,
            "temperature": 0,
            "cache_prompt": True,
        }
    )
