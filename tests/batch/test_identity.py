"""Which options make two runs the same: all but those of where and how fast a model runs."""

from __future__ import annotations

import pytest

from agx.batch.identity import options_hash
from agx.settings.layers import read_settings
from agx.unix.registry import unix_registry


def hash_with(**given: str) -> str:
    return options_hash(read_settings(given, environ={}), unix_registry())


@pytest.mark.parametrize(
    "given",
    [{"threads": "3"}, {"sequences": "2"}, {"prompt_cache_mb": "0"}, {"warm": "off"}, {"record": "off"}],
)
def test_a_run_may_go_on_elsewhere_and_faster(given: dict[str, str]) -> None:
    assert hash_with(**given) == hash_with()


@pytest.mark.parametrize(
    "given",
    [{"echo_model": "other"}, {"seed": "1"}, {"max_tasks": "3"}, {"examples": "0"}, {"dialect": "json"}],
)
def test_what_decides_a_plan_makes_another_run(given: dict[str, str]) -> None:
    assert hash_with(**given) != hash_with()
