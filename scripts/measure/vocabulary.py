"""What a large vocabulary costs until the first plan, beside the embedded planner's small one.

Both models are written here, alike in all but the vocabulary: two layers of random weights. Each time
is that of a fresh worker, from its start to the end of a plan that is cut off after a few tokens.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from agx.backends.llamacpp import LlamaCppBackend
from agx.backends.plan_requests import PlanOptions
from agx.backends.plans import generate_plan
from agx.backends.specs import LlamaCppSpec
from agx.errors import PlanTruncated
from agx.requests import LoadOptions, Parameters
from tests.architectures.vocabularies import read_vocabulary
from tests.architectures.writer import write_model

ROOT = Path(__file__).parents[2]
EMBEDDED = ROOT / "models" / "agx-nano.gguf"
TEMPLATE = "{{ messages[-1].content }}"
FEW_TOKENS = PlanOptions(Parameters(max_tokens=8), seed=0)


def main() -> None:
    """Print the medians, and their difference."""
    parser = argparse.ArgumentParser(prog="scripts/measure-vocabulary", description=__doc__)
    parser.add_argument("vocabulary", type=Path, help="a GGUF file with a large vocabulary, such as Qwen2's")
    parser.add_argument("--runs", type=int, default=9, help="fresh workers for each (default: 9)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = [_written(Path(folder), source) for source in (EMBEDDED, arguments.vocabulary)]
        # In turns, so that what else the machine does falls on both.
        rounds = [
            [asyncio.run(_secs_to_first_plan(model)) for model in models] for _ in range(arguments.runs)
        ]
    small, large = (statistics.median(times) for times in zip(*rounds, strict=True))
    print(f"time to the first plan, median of {arguments.runs} fresh workers each")
    print(f"  {EMBEDDED.name:<28} {small:6.3f} s")
    print(f"  {arguments.vocabulary.name:<28} {large:6.3f} s  ({large - small:+.3f} s)")


def _written(folder: Path, source: Path) -> Path:
    tokens = read_vocabulary(source, template=TEMPLATE)
    return write_model(folder / source.name, "qwen3", quantisation="Q8_0", tokens=tokens)


async def _secs_to_first_plan(model: Path) -> float:
    started = time.perf_counter()
    backend = LlamaCppBackend(LlamaCppSpec(model, load=LoadOptions(device="cpu")))
    try:
        await generate_plan(backend, "count lines", options=FEW_TOKENS)
    except PlanTruncated:
        pass
    finally:
        secs = time.perf_counter() - started
        await backend.aclose()
    return secs


if __name__ == "__main__":
    main()
