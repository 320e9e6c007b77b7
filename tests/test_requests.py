"""What crosses the worker's pipe: ranges that stand once, and a JSON form that comes back."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import Any

import pytest

from agx.errors import ConfigError
from agx.requests import (
    MAX_REASONING_TOKENS,
    MAX_SEED,
    GenerationRequest,
    LoadOptions,
    LoadRequest,
    Message,
    Parameters,
    checked_reasoning,
    checked_seed,
)
from agx.settings.table import BY_NAME

REQUEST = GenerationRequest(
    messages=(Message("system", "s"), Message("user", "ü")),
    schema={"type": "object"},
    parameters=Parameters(temperature=0.5, top_k=4),
    seed=7,
    reasoning_tokens=None,
    draft="{}",
    draft_margin=5.0,
    tools=({"type": "function"},),
    tools_text="tools",
)


@pytest.mark.parametrize("kind", [LoadOptions, Parameters])
def test_every_field_has_a_setting_of_its_name_default_and_range(kind: type[Any]) -> None:
    """So a new option is one field and one row."""
    for field in fields(kind):
        row = BY_NAME[field.name]
        switched = {True: "on", False: "off"}.get(field.default) if isinstance(field.default, bool) else None
        assert row.default == (switched or field.default), field.name
        assert row.range == field.metadata.get("range"), field.name
        assert row.choices == (("on", "off") if switched else field.metadata.get("choices", ()))


def test_a_request_comes_back_from_its_json() -> None:
    frame = json.loads(json.dumps(REQUEST.as_dict()))
    assert GenerationRequest.from_dict(frame | {"id": 2, "op": "generate"}) == REQUEST


def test_what_a_frame_leaves_out_has_its_default() -> None:
    read = GenerationRequest.from_dict({"messages": [{"role": "user", "content": "x"}]})
    assert read == GenerationRequest((Message("user", "x"),))


def test_a_load_comes_back_from_its_json() -> None:
    load = LoadRequest("/m.gguf", LoadOptions("cpu", threads=2, mlock=True))
    assert LoadRequest.from_dict(json.loads(json.dumps(load.as_dict()))) == load


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -0.1),
        ("temperature", 10.1),
        ("temperature", math.nan),
        ("temperature", "hot"),
        ("temperature", True),
        ("top_p", 0),
        ("top_p", 1.01),
        ("top_k", 1.5),
        ("top_k", -1),
        ("max_tokens", 0),
        ("repeat_penalty", 0),
    ],
)
def test_a_parameter_out_of_range_names_itself_and_its_range(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"{name} = ") as caught:
        Parameters.from_dict({name: value})
    assert "number " in caught.value.hint


def test_an_unknown_parameter_names_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="no parameter is called 'temp'") as caught:
        Parameters.from_dict({"temp": 1})
    assert "temperature" in caught.value.hint


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1, True, 1.0])
def test_a_seed_out_of_range_is_refused(seed: Any) -> None:
    with pytest.raises(ConfigError, match="the seed"):
        checked_seed(seed, fresh=3)


def test_a_seed_is_kept_and_none_is_a_fresh_one() -> None:
    assert (checked_seed(MAX_SEED, fresh=3), checked_seed(None, fresh=3)) == (MAX_SEED, 3)


@pytest.mark.parametrize("budget", [-1, MAX_REASONING_TOKENS + 1, 1.5, True])
def test_a_budget_for_reasoning_out_of_range_is_refused(budget: Any) -> None:
    with pytest.raises(ConfigError, match="tokens for thinking"):
        checked_reasoning(budget)
