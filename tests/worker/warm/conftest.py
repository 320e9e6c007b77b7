"""A folder for warm workers whose keepers are always ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agx.worker.warm.control import take_down, workers


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder of warm workers, which does not exist yet."""
    folder = tmp_path / "home" / "warm"
    yield folder
    for status in workers(folder):
        take_down(status)
