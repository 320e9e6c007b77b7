"""Calling the Python function behind a tool, with a time limit."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from agx.run.record import TaskProblem


async def call(function: Callable[..., Any], arguments: Mapping[str, Any], *, timeout_secs: float) -> Any:  # noqa: ANN401
    """Return the function's result as a JSON value; raises `TimeoutError` and `TaskProblem`.

    A coroutine function is awaited, and cancelled at its limit. Any other function runs in a thread of its
    own, which cannot be stopped: past its limit it is abandoned, and its result is dropped.
    """
    try:
        async with asyncio.timeout(timeout_secs) as limit:
            value = await _called(function, arguments)
    except TimeoutError as error:
        if limit.expired():
            raise
        raise TaskProblem(_sentence(error), hint="see the function") from error
    except (asyncio.CancelledError, TaskProblem):
        raise
    except Exception as error:
        raise TaskProblem(_sentence(error), hint="see the function") from error
    return _as_json(value)


async def _called(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401
    if inspect.iscoroutinefunction(function):
        return await function(**arguments)
    value = await _in_thread(function, arguments)
    return await value if inspect.isawaitable(value) else value


async def _in_thread(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Run it in a daemon thread; threads of the loop's executor would keep the program from ending."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            value, error = context.run(function, **arguments), None
        except BaseException as raised:  # noqa: BLE001  carried to whoever waits
            value, error = None, raised
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(_settle, outcome, value, error)

    threading.Thread(target=run, name="agx-function", daemon=True).start()
    return await outcome


def _settle(outcome: asyncio.Future[Any], value: object, error: BaseException | None) -> None:
    if outcome.done():
        return
    if error is None:
        outcome.set_result(value)
    else:
        # A future refuses StopIteration, and an exit in a thread must not end the loop.
        is_plain = isinstance(error, Exception) and not isinstance(error, StopIteration)
        outcome.set_exception(error if is_plain else RuntimeError(repr(error)))


def _sentence(error: BaseException) -> str:
    """Return a sentence about what a function raised."""
    return f"it raised {type(error).__name__}: {str(error)[:1000]}".removesuffix(": ")


def _as_json(value: object) -> Any:  # noqa: ANN401
    """Return the value as JSON carries it: a tuple becomes a list."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise TaskProblem(
            f"it gave a {type(value).__name__}, which is no JSON value",
            hint="let it return text, numbers, lists and dictionaries",
        ) from error
