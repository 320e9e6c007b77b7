"""A real model through transformers, loaded from its GGUF, and the same through llama.cpp."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agx.backends.create import create_backend
from agx.backends.plan_requests import PlanOptions
from agx.backends.plans import generate_plan
from agx.backends.specs import LlamaCppSpec
from agx.backends.transformers.spec import TransformersSpec
from agx.requests import LoadOptions
from agx.risk.context import PlanContext
from tests.tiny_transformers import needed_libraries

pytestmark = pytest.mark.model
TEXTS = ["count the lines of all rust files", "a dog sleeps in the sun"]


@pytest.fixture
def file() -> Path:
    needed_libraries()
    named = os.environ.get("AGX_ECHO_MODEL")
    if not named:
        pytest.skip("AGX_ECHO_MODEL names no model: scripts/test-models")
    return Path(named)


async def test_a_real_model_plans_and_embeds_as_with_llama_cpp(file: Path) -> None:
    load = LoadOptions(device="cpu")
    backend = create_backend(TransformersSpec(file, load=load))
    generated = await generate_plan(backend, TEXTS[0], PlanContext(), options=PlanOptions(examples=0))
    assert generated.plan.tasks
    vectors = await backend.embed(TEXTS)
    await backend.aclose()
    other = create_backend(LlamaCppSpec(file, load=load))
    others = await other.embed(TEXTS)
    await other.aclose()
    cosines = [sum(a * b for a, b in zip(*pair, strict=True)) for pair in zip(vectors, others, strict=True)]
    assert min(cosines) >= 0.999
