"""Tools with `arguments`: Python functions, called with what earlier tasks gave."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from agx.errors import NotApproved, PlanInvalid, TaskFailed, TaskTimedOut, Unsupported
from agx.plan.schema import Plan
from agx.plan.tools import Registry, ToolInfo
from agx.run.job import RunOptions
from agx.run.record import RunResult
from agx.run.runner import run_plan
from agx.unix.registry import unix_registry
from tests.plan.helpers import plan_of
from tests.run.helpers import command, options

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ANYTHING = {"type": "object", "properties": {"value": {}}}


def tool(name: str, function: Any, schema: dict[str, Any] = ANYTHING, **fields: Any) -> ToolInfo:
    return ToolInfo(name, schema=schema, call=function, **fields)


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"command": name, "arguments": arguments}


async def run(
    plan: Plan | list[dict[str, Any]], *tools: ToolInfo, run_options: RunOptions | None = None
) -> RunResult:
    registry = Registry.of((*unix_registry(), *tools))
    chosen = plan if isinstance(plan, Plan) else plan_of(*plan)
    return await run_plan(chosen, registry, approve=True, options=run_options)


async def same(value: Any = None) -> Any:
    await asyncio.sleep(0)
    return value


async def test_functions_get_what_earlier_tasks_gave() -> None:
    """Values as they are, the output of a command as text, at any depth."""
    plan = [
        call("weather", city="Rome"),
        command("printf", "b\\na\\n"),
        command("sort", input_from_task=2),
        call("same", value={"deep": [{"task": 1}, {"task": 3}, {"task": 1, "x": 1}]}),
    ]
    result = await run(
        plan, tool("weather", lambda city: {"city": city, "degrees": 21}, CITY), tool("same", same)
    )
    weather = {"city": "Rome", "degrees": 21}
    assert result.value == {"deep": [weather, "a\nb", {"task": 1, "x": 1}]}
    assert [record.argv is None for record in result.tasks] == [True, False, False, True]
    assert result.to_dict()["tasks"][0]["value"] == weather


async def test_commands_get_what_functions_gave(tmp_path: Path) -> None:
    """As text: a string as it is, anything else as JSON; on standard input too."""
    plan = [
        call("same", value="x y\n"),
        call("same", value=[1, "é"]),
        command("echo", {"task": 1}, {"task": 2}, {"task": 1, "split": True}),
        command("cat", input_from_task=2),
    ]
    result = await run(plan, tool("same", same), run_options=options(tmp_path))
    assert result.tasks[2].output_text == 'x y [1, "é"] x y\n'
    assert result.tasks[3].output_text == '[1, "é"]'


async def test_a_function_may_save_what_it_gives(tmp_path: Path) -> None:
    plan = [
        call("same", value="text") | {"save_to": "f"},
        call("same", value=3) | {"append_to": "f"},
    ]
    await run(plan, tool("same", same), run_options=options(tmp_path))
    assert (tmp_path / "f").read_text() == "text\n3\n"
    with pytest.raises(TaskFailed, match="cannot be written"):
        await run([plan[0] | {"save_to": "no/f"}], tool("same", same), run_options=options(tmp_path))


async def test_a_function_runs_in_a_thread_and_a_coroutine_in_the_loop() -> None:
    loop_thread = threading.get_ident()
    result = await run(
        [call("plain"), call("coroutine")],
        tool("plain", lambda: threading.get_ident() == loop_thread),
        tool("coroutine", _ident),
    )
    assert [record.value for record in result.tasks] == [False, loop_thread]


async def _ident() -> int:
    return threading.get_ident()


async def test_a_function_that_gives_an_awaitable_is_awaited() -> None:
    assert (await run([call("f", value=2)], tool("f", lambda value: same(value)))).value == 2  # noqa: PLW0108


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (KeyError("key"), "it raised KeyError: 'key'"),
        (TimeoutError(), "it raised TimeoutError"),
        (SystemExit(3), "it raised RuntimeError: SystemExit(3)"),
        (StopIteration(), "it raised RuntimeError: StopIteration()"),
    ],
    ids=repr,
)
async def test_what_a_function_raises_fails_its_task(error: BaseException, sentence: str) -> None:
    def fails() -> None:
        raise error

    with pytest.raises(TaskFailed) as caught:
        await run([call("same"), call("fails"), call("same")], tool("same", same), tool("fails", fails))
    assert caught.value.message == f"task 2 (fails): {sentence}"
    assert [record.status for record in caught.value.result.tasks] == ["done", "failed", "not_started"]
    assert caught.value.result.tasks[1].duration_ms is not None


async def test_a_coroutine_that_takes_too_long_is_cancelled() -> None:
    ended = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    with pytest.raises(TaskTimedOut, match=r"task 1 \(slow\) ran into its time limit of 1 s") as caught:
        await run([call("slow") | {"timeout_secs": 1}], tool("slow", slow))
    assert ended == [True]
    assert caught.value.result.tasks[0].status == "timed_out"


def test_a_function_that_takes_too_long_is_left_to_itself() -> None:
    """It cannot be stopped, and holds up neither the error nor the end of the loop."""
    may_end = threading.Event()
    began = time.monotonic()
    with pytest.raises(TaskTimedOut):
        asyncio.run(run([call("slow") | {"timeout_secs": 1}], tool("slow", lambda: may_end.wait(60))))
    assert time.monotonic() - began < 30
    may_end.set()


async def test_arguments_are_checked_once_they_are_known() -> None:
    weather = tool("weather", lambda city: city, CITY)
    plan = [call("same", value=3), call("weather", city={"task": 1})]
    with pytest.raises(
        TaskFailed, match=r"task 2 \(weather\): the arguments of weather do not fit at /city: 3"
    ):
        await run(plan, tool("same", same), weather)
    with pytest.raises(PlanInvalid, match="do not fit"):
        await run([call("weather", city=3)], weather)


async def test_what_is_no_json_value_fails() -> None:
    for value in (object(), {1, 2}, float("nan"), b"x"):
        with pytest.raises(TaskFailed, match="which is no JSON value"):
            await run([call("f")], tool("f", lambda value=value: value))
    assert (await run([call("f")], tool("f", lambda: (1, (2,))))).value == [1, [2]]


async def test_data_that_looks_like_a_reference_is_data() -> None:
    plan = [call("same", value="first"), call("same", value={"text": "x"}), call("same", value={"task": 3})]
    tools = (tool("same", same), tool("odd", lambda: {"task": 1}))
    result = await run([plan[0], call("odd"), call("same", value={"task": 2})], *tools)
    assert result.value == {"task": 1}


async def test_functions_are_approved_like_commands() -> None:
    registry = Registry.of([tool("f", same, risk=("writes",))])
    with pytest.raises(NotApproved, match=r"task 1 \(f\)"):
        await run_plan(plan_of(call("f")), registry)
    assert (await run_plan(plan_of(call("f")), Registry.of([tool("f", same, risk=("reads",))]))).is_done


async def test_a_function_without_python_behind_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"task 2: f is a function, .*nothing was run") as caught:
        await run(
            [command("touch", "x"), call("f")],
            ToolInfo("f", schema=ANYTHING),
            run_options=options(tmp_path),
        )
    assert "run_plan" in caught.value.hint
    assert not (tmp_path / "x").exists()


async def test_a_function_is_not_run_where_a_sandbox_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="no sandbox"):
        await run([call("f")], tool("f", same), run_options=options(tmp_path, sandbox=True))
