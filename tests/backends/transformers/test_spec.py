"""What a person names as a model, with the backend transformers."""

from __future__ import annotations

from pathlib import Path

import pytest

from agx.backends.base import BackendKind
from agx.backends.specs import ModelChoice, ServerChoice, specify
from agx.backends.transformers.spec import TransformersSpec
from agx.errors import AgxError, ModelMissing, UsageError


def spec_of(model: str, models_dir: Path | None = None) -> TransformersSpec:
    spec = specify(ModelChoice(model, BackendKind.TRANSFORMERS, models_dir=models_dir))
    assert isinstance(spec, TransformersSpec)
    return spec


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "config.json").write_text("{}")
    (tmp_path / "file.gguf").touch()
    return tmp_path


@pytest.mark.parametrize("name", ["folder", "file"])
def test_a_model_is_a_folder_or_a_gguf_file_by_path_or_by_name(models: Path, name: str) -> None:
    path = next(models.glob(f"{name}*"))
    assert spec_of(str(path)).path == path
    found = spec_of(name, models)
    assert (found.path, found.hub_name, found.name) == (path, None, name)


@pytest.mark.parametrize("name", ["owner/name", "hf:owner/name"])
def test_any_other_name_with_an_owner_is_one_of_the_hub(name: str) -> None:
    found = spec_of(name)
    assert (found.path, found.hub_name, found.name) == (None, "owner/name", "owner/name")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("agx-nano", UsageError),
        ("missing", ModelMissing),
        ("/missing/folder", ModelMissing),
        ("hf:owner/name/file.gguf", ModelMissing),
        ("owner/file.gguf", ModelMissing),
    ],
)
def test_what_is_no_model_is_an_error_with_what_would_be_one(name: str, error: type[AgxError]) -> None:
    with pytest.raises(error) as caught:
        spec_of(name)
    assert "owner/name" in caught.value.hint


def test_options_of_the_backend_reach_its_specification(models: Path) -> None:
    choice = ServerChoice(quantization="4bit", hub_cache_dir=models)
    spec = specify(ModelChoice("owner/name", BackendKind.TRANSFORMERS, servers=choice))
    assert isinstance(spec, TransformersSpec)
    assert (spec.quantization, spec.hub_cache_dir) == ("4bit", models)
