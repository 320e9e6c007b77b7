"""Most tests here run twice: with random models, and with downloaded ones where there are any."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cases import HOW, Case, downloaded_case, random_case

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs downloaded models where there are none, with one line a file in the summary."""
    needing = [item for item in items if FOLDER in item.path.parents and item.get_closest_marker("model")]
    if needing and downloaded_case() is None:
        for item in needing:
            item.add_marker(pytest.mark.skip(reason=HOW))


@pytest.fixture(scope="module", params=["random", pytest.param("downloaded", marks=pytest.mark.model)])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Return the models of this run."""
    is_random = request.param == "random"
    return random_case(tmp_path_factory.mktemp("models")) if is_random else _downloaded()


@pytest.fixture(scope="module")
def downloaded() -> Case:
    """Return the downloaded models alone; a test that asks for them is marked `model`."""
    return _downloaded()


def _downloaded() -> Case:
    found = downloaded_case()
    assert found is not None, "a test that is not marked `model` asks for downloaded models"
    return found
