"""Each test here runs twice: with random models, and with downloaded ones where there are any."""

from __future__ import annotations

import pytest

from tests.integration.cases import HOW, Case, downloaded_case, random_case


@pytest.fixture(scope="module", params=["random", pytest.param("downloaded", marks=pytest.mark.model)])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Return the models of this run."""
    if request.param == "random":
        return random_case(tmp_path_factory.mktemp("models"))
    found = downloaded_case()
    if found is None:
        pytest.skip(HOW)
    return found
