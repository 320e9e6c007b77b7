"""The package: its metadata, what its wheel holds, and what the set-up says when something is missing."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import agx
from agx.unix.registry import unix_registry

ROOT = Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]
CAN_BUILD = all(find_spec(name) is not None for name in ("build", "hatchling"))


def test_the_metadata_is_what_the_files_say() -> None:
    assert PROJECT["name"] == "agx"
    assert PROJECT["requires-python"] == ">=3.11"
    assert PROJECT["dynamic"] == ["version"]
    assert (ROOT / PROJECT["readme"]).is_file()
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith(f"{PROJECT['license']} License")
    assert f"\n## {agx.__version__}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_library_that_is_imported_is_a_dependency() -> None:
    names = {re.split(r"[=<>~]", text)[0] for text in PROJECT["dependencies"]}
    imported = {
        "llama_cpp": "llama-cpp-python",
        "llguidance": "llguidance",
        "pydantic": "pydantic",
        "jinja2": "jinja2",
        "httpx": "httpx",
        "jsonschema": "jsonschema",
        "regex": "regex",
        "referencing": "jsonschema",  # its own dependency, and part of how it is called
        "click": "click",
        "rich": "rich",
        "ollama": "ollama",
    }
    assert set(imported.values()) <= names
    extras = PROJECT["optional-dependencies"]
    of_extras = {"openai", "torch", "transformers", "huggingface_hub"}
    assert {"openai", "hf"} <= extras.keys()
    # The last one is a type checker's own.
    known = {*sys.stdlib_module_names, *imported, *of_extras, "agx", "_typeshed"}
    for path in (ROOT / "agx").rglob("*.py"):
        assert _imports(path) <= known, path


def _imports(path: Path) -> set[str]:
    """Return the top-level packages that a module imports anywhere."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_the_set_up_and_the_metadata_mean_the_same_llama_cpp() -> None:
    pins = [text for text in PROJECT["dependencies"] if text.startswith("llama-cpp-python")]
    assert re.fullmatch(r"llama-cpp-python==[\d.]+", pins[0])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel without the network."""
    if not CAN_BUILD:
        pytest.skip("needs `build` and `hatchling` in this environment (pip install build hatchling)")
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_package_and_its_planner_and_nothing_else(wheel: Path) -> None:
    assert wheel.name == f"agx-{agx.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        model = archive.read("agx/data/agx-nano.gguf")
    about = f"agx-{agx.__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"agx", about}
    assert {"agx/unix/unix_tools.jsonl", "agx/py.typed", "agx/__main__.py", "agx/worker/__main__.py"} <= names
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "agx").rglob("*.py")} <= names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert f"{about}/licenses/LICENSE" in names
    assert model == (ROOT / "models" / "agx-nano.gguf").read_bytes()


def test_the_wheel_says_what_it_needs_and_starts(wheel: Path) -> None:
    about = f"agx-{agx.__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"{about}/METADATA").decode()
        starts = archive.read(f"{about}/entry_points.txt").decode()
    assert f"\nVersion: {agx.__version__}\n" in metadata
    for text in PROJECT["dependencies"]:
        assert f"Requires-Dist: {re.split('[=<>~]', text)[0]}" in metadata
    assert "agx = agx.cli.entry:main" in starts


def test_what_the_wheel_holds_plans_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    program = (
        "import agx.models.resolve, sys\nfrom agx import plan_sync\n"
        "print(agx.models.resolve.embedded_model())\nprint(plan_sync('sort file.txt').tasks[0].command)\n"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AGX_")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=kept | {"PYTHONPATH": str(folder), "AGX_HOME": str(tmp_path / "home")},
    )
    model, command = done.stdout.splitlines()
    assert Path(model) == (folder / "agx" / "data" / "agx-nano.gguf").resolve()
    assert command in unix_registry()


def _set_up(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the set-up in a copy that holds nothing but it, with no wheel at hand."""
    (folder / "scripts").mkdir()
    for name in ("scripts/setup", "scripts/build-env", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    empty = {name: str(folder / "cache") for name in ("XDG_CACHE_HOME", "PIP_CACHE_DIR")}
    return subprocess.run(
        [str(folder / "scripts" / "setup")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | empty | environ,
    )


def _program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def _fails(folder: Path, message: str, **environ: str) -> None:
    done = _set_up(folder, **environ)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("setup: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / ".venv").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
class TestSetUp:
    """What is missing is one sentence with what to do, and nothing has been made."""

    def test_no_python(self, tmp_path: Path) -> None:
        _fails(tmp_path, "there is no 'no-such-python'", PYTHON="no-such-python")

    def test_no_python_on_the_path(self, tmp_path: Path) -> None:
        programs = tmp_path / "bin"
        programs.mkdir()
        for name in ("dirname", "sed", "sh", "uname"):
            (programs / name).symlink_to(shutil.which(name) or "")
        _fails(tmp_path, "there is no 'python3'", PATH=str(programs))

    def test_a_python_that_is_too_old(self, tmp_path: Path) -> None:
        old = _program(tmp_path / "old", '[ "$1" = -V ] && { echo Python 3.9.2; exit; }; exit 1')
        _fails(tmp_path, "Python 3.9.2 is too old: install Python 3.11", PYTHON=old)

    def test_a_python_without_venv(self, tmp_path: Path) -> None:
        bare = _program(
            tmp_path / "bare", 'case "$*" in -V) echo Python 3.11.2;; *ensurepip*) exit 1;; *) exit 0;; esac'
        )
        _fails(tmp_path, "Python 3.11.2 has no venv module", PYTHON=bare)

    @pytest.mark.parametrize("name", ["CC", "CXX"])
    def test_no_compiler(self, tmp_path: Path, name: str) -> None:
        _program(tmp_path / "some-cc", "exit 0")
        compilers = {"CC": str(tmp_path / "some-cc"), "CXX": str(tmp_path / "some-cc"), name: "no-such-cc"}
        _fails(tmp_path, "there is no C++ compiler ('no-such-cc')", PYTHON=sys.executable, **compilers)


@pytest.mark.skipif(sys.platform == "win32", reason="shell scripts")
@pytest.mark.parametrize("name", ["setup", "test", "check", "test-wheel", "train-planner"])
def test_a_script_can_be_run_and_is_a_shells(name: str) -> None:
    path = ROOT / "scripts" / name
    assert os.access(path, os.X_OK)
    subprocess.run(["sh", "-n", str(path)], check=True)
