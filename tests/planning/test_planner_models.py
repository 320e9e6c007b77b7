"""The planner on real models: the embedded one, and small random ones, in real llama.cpp."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agx import plan_sync
from agx.backends.plan_requests import PlanOptions
from agx.errors import (
    AgxError,
    DeadlineExceeded,
    ModelMismatch,
    ModelMissing,
    ModelUnloadable,
    PlanTruncated,
    PromptTooLong,
    UsageError,
)
from agx.models.resolve import embedded_model
from agx.plan.tools import Registry, ToolInfo
from agx.planning.config import ModelRole, PlannerConfig
from agx.planning.planner import Planner
from agx.requests import LoadOptions, LoadRequest, Parameters
from agx.risk.context import GeneratedPlan, PlanContext
from agx.rules.check import read_plan
from agx.unix.registry import unix_registry
from agx.worker.process import spawn
from tests.tiny_gguf import TinyModel, write_tiny_gguf

INSTRUCTION = "sort file.txt"
ON_CPU = PlannerConfig(load=LoadOptions(device="cpu", threads=1))
MODULE = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def embedded() -> AsyncIterator[Planner]:
    """The embedded planner, loaded once for this file."""
    async with Planner(ON_CPU) as planner:
        yield planner


@pytest.fixture(scope="module")
def endless_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model for any tools, with room for a generation of many seconds."""
    model = TinyModel(merges=False, context_length=40_000, planner_tools=None)
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "endless.gguf", model)


def endless(model: Path, **more: Any) -> Planner:
    """Return a planner whose only tool takes a list so long that no plan is finished within seconds."""
    words = {"type": "array", "items": {"enum": ["a", "b", "cd"]}, "minItems": 100_000}
    schema = {"type": "object", "properties": {"words": words}, "required": ["words"]}
    config = PlannerConfig(
        load=LoadOptions(device="cpu", threads=1, context_size=40_000),
        echo_model=str(model),
        delta_model=str(model),
        parameters=Parameters(max_tokens=30_000),
    )
    return Planner(config, registry=Registry.of([ToolInfo("say", schema=schema)]), **more)


@MODULE
async def test_the_embedded_model_plans_and_says_what_produced_the_plan(embedded: Planner) -> None:
    generated = await embedded.plan(INSTRUCTION)
    read_plan(generated.text, unix_registry(), instruction=INSTRUCTION)
    metadata = generated.metadata
    assert (metadata.backend, metadata.model, metadata.role, metadata.device) == (
        "llamacpp",
        "agx-nano",
        "echo",
        "cpu",
    )
    assert metadata.model_sha256 == hashlib.sha256(embedded_model().read_bytes()).hexdigest()
    assert metadata.build
    assert isinstance(metadata.seed, int)
    assert metadata.parameters == {
        "temperature": 0.0,
        "top_k": 0,
        "top_p": 1.0,
        "min_p": 0.0,
        "repeat_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "max_tokens": 512,
    }
    assert min(metadata.prompt_tokens, metadata.completion_tokens) > 0
    assert {"prefill", "decode", "total"} <= set(metadata.timings_ms)
    assert 0 < metadata.timings_ms["total"] <= metadata.latency_ms
    assert "agx-nano" in repr(embedded)


@MODULE
async def test_both_roles_share_one_worker(embedded: Planner) -> None:
    async with Planner(
        PlannerConfig(load=LoadOptions(device="cpu", threads=1), role=ModelRole.BOTH)
    ) as planner:
        generated = await planner.plan(INSTRUCTION)
        assert repr(planner).count("agx-nano") == 1
    assert generated.metadata.role == "delta"
    assert generated.changes is not None
    draft = await embedded.plan(INSTRUCTION)
    assert (await embedded.refine(draft.plan)).tasks == generated.tasks


@MODULE
async def test_delta_never_returns_what_it_could_not_mend(embedded: Planner) -> None:
    """A draft with an unknown tool: the plan that comes back has only tools of the registry."""
    generated = await embedded.refine(
        {"plan": ["sort a.txt", "frobnicate"]}, "sort a.txt and drop duplicates"
    )
    assert all(task.command in unix_registry() for task in generated.tasks)
    assert generated.changes


@MODULE
@pytest.mark.parametrize("temperature", [1.0, 2.0])
async def test_the_same_seed_gives_the_same_text(embedded: Planner, temperature: float) -> None:
    async def text(seed: int | None) -> str:
        options = PlanOptions(Parameters(temperature=temperature, max_tokens=60), seed=seed)
        try:
            return (await embedded.plan("show the disk usage of every folder", options=options)).text
        except AgxError as error:
            return str(error.details.get("text"))

    seeds = [1, 2, 3, 4]
    first = [await text(seed) for seed in seeds]
    assert [await text(seed) for seed in seeds] == first
    if temperature == 2.0:
        assert len(set(first)) > 1
        assert len({await text(None) for _ in range(20)}) > 1


async def test_a_model_may_be_named_by_a_path() -> None:
    config = PlannerConfig(load=LoadOptions(device="cpu", threads=1), echo_model=embedded_model())
    async with Planner(config) as planner:
        assert (await planner.plan("list files")).tasks[0].command == "ls"


@MODULE
async def test_a_drawn_seed_is_in_the_metadata_and_repeats_the_plan(embedded: Planner) -> None:
    options = PlanOptions(Parameters(temperature=0.2))
    generated = await embedded.plan(INSTRUCTION, options=options)
    again = PlanOptions(options.parameters, seed=generated.metadata.seed)
    assert (await embedded.plan(INSTRUCTION, options=again)).text == generated.text


@MODULE
@pytest.mark.parametrize(
    "instruction",
    ["a" * 200_000, "a" * 1_000_000, "count lines " * 9_000, "🦀" * 100_000, "\n" * 99_999 + "x"],
    ids=["200 kB of a letter", "1 MB of a letter", "100 kB of words", "crabs", "lines"],
)
async def test_a_huge_instruction_is_too_long_and_does_no_harm(embedded: Planner, instruction: str) -> None:
    with pytest.raises(PromptTooLong) as caught:
        await embedded.plan(instruction)
    assert (caught.value.exit_code, caught.value.retryable) == (2, False)
    assert caught.value.hint
    assert (await embedded.plan(INSTRUCTION)).tasks


@MODULE
async def test_an_instruction_that_no_frame_holds_is_a_usage_error(embedded: Planner) -> None:
    with pytest.raises(UsageError, match="cannot be sent"):
        await embedded.plan("a" * (33 << 20))


@MODULE
@pytest.mark.parametrize(
    "instruction", ["<|end|>", "<|assistant|>{", "a\0b", "list \x1b[31m files", "列出所有文件", "🦀 \u202e"]
)
async def test_odd_text_is_planned_and_kept_word_for_word(embedded: Planner, instruction: str) -> None:
    """Or the model finds no end, which is an error like any other."""
    try:
        generated = await embedded.plan(instruction)
    except PlanTruncated:
        return
    assert generated.plan.instruction == instruction


@MODULE
async def test_a_budget_that_is_too_small_is_told(embedded: Planner) -> None:
    with pytest.raises(PlanTruncated) as caught:
        await embedded.plan(INSTRUCTION, options=PlanOptions(Parameters(max_tokens=5)))
    assert caught.value.text.startswith('{"tasks"')


@MODULE
async def test_the_embedded_model_refuses_tools_it_does_not_know(embedded: Planner) -> None:
    registry = Registry.of([ToolInfo("send_mail", "sends a mail", schema={"type": "object"})])
    for planning in (
        embedded.plan(INSTRUCTION, PlanContext(tools=registry)),
        embedded.refine(["send_mail"], INSTRUCTION, PlanContext(tools=registry)),
    ):
        with pytest.raises(ModelMismatch) as caught:
            await planning
        assert caught.value.exit_code == 4


@MODULE
async def test_the_embedded_model_plans_with_some_of_its_tools(embedded: Planner) -> None:
    subset = Registry.of(tool for tool in unix_registry() if tool.name in {"sort", "cat"})
    generated = await embedded.plan(INSTRUCTION, PlanContext(tools=subset))
    assert {task.command for task in generated.tasks} <= {"sort", "cat"}


@MODULE
async def test_a_prompt_is_the_models_own(embedded: Planner) -> None:
    shown = await embedded.prompt(INSTRUCTION)
    assert INSTRUCTION in shown.prompt
    assert shown.prompt_tokens == (await embedded.plan(INSTRUCTION)).metadata.prompt_tokens


@MODULE
async def test_plans_at_once_do_not_mix(embedded: Planner) -> None:
    instructions = [f"sort file{number}.txt" for number in range(4)]
    alone = [(await embedded.plan(instruction)).text for instruction in instructions]
    together = await asyncio.gather(*map(embedded.plan, instructions))
    assert [generated.text for generated in together] == alone


async def test_cancelling_stops_a_generation_and_the_planner_goes_on(endless_model: Path) -> None:
    async with endless(endless_model) as planner:
        assert (await planner.health_check()).ok
        task = asyncio.create_task(planner.plan("go on"))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(PlanTruncated):
            await planner.plan("go on", options=PlanOptions(Parameters(max_tokens=4)))


async def test_a_time_limit_counts_loading_and_writing(endless_model: Path) -> None:
    async with endless(endless_model) as planner:
        with pytest.raises(DeadlineExceeded, match="loaded"):
            await planner.plan("go on", options=PlanOptions(deadline_secs=0.001))
        assert (await planner.health_check()).ok
        started = time.monotonic()
        options = PlanOptions(Parameters(max_tokens=30_000), deadline_secs=0.3)
        with pytest.raises(DeadlineExceeded):
            await planner.plan("go on", options=options)
        assert time.monotonic() - started < 5


async def test_closing_in_the_middle_ends_the_plan_and_closing_twice_is_nothing(endless_model: Path) -> None:
    planner = endless(endless_model)
    assert (await planner.health_check()).ok
    task = asyncio.create_task(planner.plan("go on"))
    await asyncio.sleep(0.1)
    await planner.aclose()
    with pytest.raises(AgxError):
        await task
    await planner.aclose()
    with pytest.raises(UsageError, match="closed"):
        await planner.plan(INSTRUCTION)


async def test_a_worker_started_beforehand_is_used_or_ended(endless_model: Path) -> None:
    load = LoadRequest(str(endless_model), LoadOptions("cpu", 40_000, 1))
    used, unused = spawn(load), spawn(load)
    async with endless(endless_model, worker=used) as planner:
        assert (await planner.health_check()).facts["pid"] == used.pid
    async with endless(endless_model, worker=unused):
        pass
    until = time.monotonic() + 10
    while used.death is None or unused.death is None:
        assert time.monotonic() < until, "a worker is still there"
        await asyncio.sleep(0.01)


def _broken(kind: str, folder: Path) -> Path:
    path = folder / "model.gguf"
    match kind:
        case "folder":
            path.mkdir()
        case "cut":
            path.write_bytes(embedded_model().read_bytes()[:100_000])
        case "no model":
            path.write_bytes(b"#!/bin/sh")
        case "long name":
            path = folder / ("n" * 300)
    return path


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("missing", ModelMissing),
        ("folder", ModelUnloadable),
        ("cut", ModelUnloadable),
        ("no model", ModelUnloadable),
        ("long name", ModelUnloadable),
    ],
)
async def test_a_model_that_cannot_be_is_a_typed_error(
    tmp_path: Path, kind: str, error: type[AgxError]
) -> None:
    path = _broken(kind, tmp_path)
    async with Planner(PlannerConfig(load=LoadOptions(device="cpu"), echo_model=str(path))) as planner:
        with pytest.raises(error) as caught:
            await planner.plan(INSTRUCTION)
        assert (caught.value.exit_code, bool(caught.value.hint)) == (4, True)
        health = await planner.health_check()
    assert (health.ok, health.detail) == (False, caught.value.message)


@pytest.mark.parametrize("name", ["hf:owner/repo/file.gguf", "ollama:qwen3:0.6b"])
async def test_a_model_that_is_not_here_yet_is_missing_and_the_hint_fetches_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path))
    async with Planner(PlannerConfig(echo_model=name, models_dir=tmp_path)) as planner:
        with pytest.raises(ModelMissing) as caught:
            await planner.plan(INSTRUCTION)
        assert "pull" in caught.value.hint
        assert not (await planner.health_check()).ok


def test_plan_sync_plans_in_a_script(tmp_path: Path) -> None:
    """A script without a main guard, in another folder, and nothing is left running."""
    script = tmp_path / "script.py"
    script.write_text(f"from agx import plan_sync\nprint(plan_sync({INSTRUCTION!r}).plan.tasks[0].command)\n")
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() in unix_registry()


async def test_plan_sync_plans_inside_a_running_loop() -> None:
    assert plan_sync(INSTRUCTION, config=ON_CPU).tasks
    with pytest.raises(UsageError):
        plan_sync(" ", config=ON_CPU)


def test_plan_sync_plans_in_a_thread() -> None:
    plans: list[GeneratedPlan] = []
    thread = threading.Thread(target=lambda: plans.append(plan_sync(INSTRUCTION, config=ON_CPU)))
    thread.start()
    thread.join()
    assert plans[0].tasks


def test_one_planner_serves_one_event_loop_after_the_other(endless_model: Path) -> None:
    """A planner for each: what one left behind does not hold up the next."""
    for _ in range(2):
        with pytest.raises(PlanTruncated):
            plan_sync(
                INSTRUCTION,
                config=PlannerConfig(
                    load=LoadOptions(device="cpu", threads=1),
                    echo_model=str(endless_model),
                    parameters=Parameters(max_tokens=3),
                    dialect="json",  # three tokens can be a whole pipeline
                ),
            )


@MODULE
@pytest.mark.parametrize(
    ("instruction", "words"),
    [
        ("remove Anna's draft.txt", ["Anna's draft.txt"]),
        ("copy Übersicht.txt to Größe/", ["Übersicht.txt", "Größe/"]),
        ("delete 日本語.txt", ["日本語.txt"]),
        ("rename café.txt to thé.txt", ["café.txt", "thé.txt"]),
        ('remove the file called "it\'s.txt"', ["it's.txt"]),
        ("touch 🎉.txt", ["🎉.txt"]),
        ('delete the file named "x*y"', ["x[*]y"]),
        ("show the first twenty lines of a.txt", ["20", "a.txt"]),
        ("list files older than thirty days", ["+30"]),
    ],
)
async def test_names_and_numbers_are_copied_exactly(
    embedded: Planner, instruction: str, words: list[str]
) -> None:
    generated = await embedded.plan(instruction)
    args = [item for task in generated.tasks for item in task.args]
    assert [word for word in words if word in args] == words
