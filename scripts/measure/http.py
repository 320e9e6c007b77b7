"""What a plan through an HTTP server costs over the server's own time.

A server on this machine answers at once with a plan, in OpenAI's form. The same body goes to it from the
standard library, which reads the answer to its end, and a plan is made of it by AGX: request, stream,
reading, checks. The difference of the medians is what AGX and its client cost. Both take turns, so that a
busy machine is as busy for either.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import statistics
import time
from typing import Any
from urllib.parse import urlsplit

from agx.backends.create import create_backend
from agx.backends.openai.spec import Endpoint, OpenAISpec
from agx.backends.plan_requests import PlanOptions
from agx.backends.plans import generate_plan
from agx.prompts.chosen_examples import DEFAULT_EXAMPLES
from tests.openai_server import Behaviour, openai_server

PLAN = json.dumps({"tasks": [{"command": "sort", "args": ["file.txt"]}]})
INSTRUCTION = "sort file.txt"


async def measured(rounds: int, *, examples: int) -> tuple[list[float], list[float]]:
    """Return the times of plans, and of the same requests alone, in milliseconds."""
    plans: list[float] = []
    alone: list[float] = []
    with openai_server(Behaviour(reply=lambda _body: PLAN)) as server:
        backend = create_backend(OpenAISpec("scripted", Endpoint(server.url)))
        options = PlanOptions(seed=1, examples=examples)
        try:
            await generate_plan(
                backend, INSTRUCTION, options=options
            )  # connects, and asks what the server can
            body = server.chats[-1]
            for _ in range(rounds):
                started = time.perf_counter()
                await generate_plan(backend, INSTRUCTION, options=options)
                plans.append((time.perf_counter() - started) * 1000)
                alone.append(await asyncio.to_thread(_asked, server.url, body))
        finally:
            await backend.aclose()
    return plans, alone


def _asked(url: str, body: dict[str, Any]) -> float:
    """Return how long the server takes for a request of the standard library's, in milliseconds."""
    parts = urlsplit(url)
    started = time.perf_counter()
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    data, headers = json.dumps(body), {"Content-Type": "application/json"}
    connection.request("POST", f"{parts.path}/chat/completions", data, headers)
    connection.getresponse().read()
    connection.close()
    return (time.perf_counter() - started) * 1000


def table(plans: list[float], alone: list[float]) -> str:
    """Return the medians in Markdown."""
    own = statistics.median(plans) - statistics.median(alone)
    return "\n".join(
        [
            "| figure | median |",
            "| --- | ---: |",
            f"| a plan through the server | {statistics.median(plans):.2f} ms |",
            f"| the same request alone | {statistics.median(alone):.2f} ms |",
            f"| what AGX and its client cost over it | {own:.2f} ms |",
        ]
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="scripts/measure-http", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="how many plans (default: 200)")
    parser.add_argument("--examples", type=int, default=DEFAULT_EXAMPLES, help="shown in each prompt")
    args = parser.parse_args()
    print(table(*asyncio.run(measured(args.rounds, examples=args.examples))))


if __name__ == "__main__":
    main()
