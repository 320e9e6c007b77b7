"""Names of models to files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agx.errors import ModelMissing
from agx.models.resolve import EMBEDDED, embedded_model, resolve_model

PACKAGE = Path(__file__).parents[2] / "agx"
# All that it takes to find the embedded planner.
MODULES = ("__init__", "errors", "models/__init__", "models/resolve", "util/__init__", "util/files")


def test_the_embedded_planner_is_a_file_of_at_most_30_megabytes() -> None:
    path = resolve_model(EMBEDDED)
    assert path == embedded_model()
    assert path.read_bytes()[:4] == b"GGUF"
    assert path.stat().st_size <= 30_000_000


def test_the_embedded_planner_is_not_looked_for_in_the_models_folder(tmp_path: Path) -> None:
    (tmp_path / EMBEDDED).write_bytes(b"GGUF")
    assert resolve_model(EMBEDDED, models_dir=tmp_path) == embedded_model()


@pytest.mark.parametrize("name", ["small", "small.gguf"])
def test_a_name_in_the_models_folder_needs_no_ending(tmp_path: Path, name: str) -> None:
    (tmp_path / "small.gguf").write_bytes(b"GGUF")
    assert resolve_model(name, models_dir=tmp_path) == tmp_path / "small.gguf"


def test_a_path_that_is_there_comes_before_the_models_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models_dir = tmp_path / "models"
    models_dir.mkdir()
    for folder in (tmp_path, models_dir):
        (folder / "m.gguf").write_bytes(b"GGUF")
    monkeypatch.chdir(tmp_path)
    assert resolve_model("m.gguf", models_dir=models_dir) == Path("m.gguf")
    assert resolve_model(str(tmp_path / "m.gguf"), models_dir=models_dir) == tmp_path / "m.gguf"


def test_a_leading_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve_model("~/m.gguf") == tmp_path / "m.gguf"


@pytest.mark.parametrize("name", ["missing.gguf", "", "n" * 5000, "a\0b", "~nobody-here/m.gguf"])
def test_what_is_not_there_is_given_as_it_is(tmp_path: Path, name: str) -> None:
    """Whoever opens it says what is wrong with it."""
    assert resolve_model(name, models_dir=tmp_path / "models") == Path(name)


@pytest.mark.parametrize("name", ["hf:owner/repo/file.gguf", "owner/repo:Q4_K_M", "qwen3-0.6b"])
def test_planning_with_a_model_that_was_not_pulled_says_how_to_pull_it(tmp_path: Path, name: str) -> None:
    """Planning itself asks no server."""
    for models_dir in (tmp_path, None):
        with pytest.raises(ModelMissing, match="has not been pulled") as caught:
            resolve_model(name, models_dir=models_dir)
        assert caught.value.hint == f"pull it: agx models pull {name}"


def test_a_package_without_its_planner_says_so(tmp_path: Path) -> None:
    """In a wheel the planner is inside the package; where it is nowhere, that is one sentence."""
    package = tmp_path / "agx"
    for name in MODULES:
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PACKAGE / f"{name}.py", package / f"{name}.py")
    program = "from agx.models.resolve import embedded_model; print(embedded_model())"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert f"{ModelMissing.__name__}: the embedded planner is missing" in done.stderr
    (package / "data").mkdir()
    shutil.copy(embedded_model(), package / "data")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert Path(done.stdout.strip()) == (package / "data" / "agx-nano.gguf").resolve()
