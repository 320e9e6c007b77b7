"""Backends of other packages: a distribution with an entry point, as an installer leaves it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agx.backends.base import BackendKind
from agx.backends.create import create_backend
from agx.backends.plugins import plugin_names
from agx.backends.scripted import ScriptedBackend
from agx.backends.specs import ModelChoice, ServerChoice, specify
from agx.cli.app import run
from agx.errors import ConfigError, ModelMissing, UsageError

MODULE = """
from agx import ModelMissing, ScriptedBackend

def open_backend(choice, attached):
    if choice.model == "missing":
        raise ModelMissing("the package has no such model", hint="name another")
    return ScriptedBackend(['{"tasks":[{"command":"sort","args":["' + choice.model + '"]}]}'])

def broken(choice, attached):
    raise ValueError("nothing works")

def wrong(choice, attached):
    return "a text"
"""
POINTS = """[agx.backends]
mine = agx_test_plugin:open_backend
broken = agx_test_plugin:broken
wrong = agx_test_plugin:wrong
gone = agx_test_plugin_gone:open_backend
"""


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the distribution into a folder of its own."""
    folder = tmp_path / "site"
    info = folder / "agx_test_plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "agx_test_plugin.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: agx-test-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(folder))
    yield
    sys.modules.pop("agx_test_plugin", None)


def choice(name: str | None, model: str = "a.txt") -> ModelChoice:
    return ModelChoice(model, backend=BackendKind.PLUGIN, servers=ServerChoice(plugin=name))


def test_a_package_brings_a_backend() -> None:
    assert set(plugin_names()) >= {"mine", "broken"}
    assert isinstance(create_backend(specify(choice("mine"))), ScriptedBackend)


def test_it_plans_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGX_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    arguments = ["plan", "--backend", "plugin:mine", "--model", "b.txt", "--format", "shell", "sort b.txt"]
    assert run(arguments) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "sort b.txt"


def test_its_own_errors_are_passed_on() -> None:
    with pytest.raises(ModelMissing, match="no such model"):
        create_backend(specify(choice("mine", "missing")))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("broken", "agx-test-plugin cannot be opened: ValueError: nothing works"),
        ("gone", "ModuleNotFoundError"),
        ("wrong", "is no ModelBackend but str"),
    ],
)
def test_a_package_that_fails_is_named(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        create_backend(specify(choice(name)))


def test_a_name_that_no_package_brings_is_said_with_those_that_are_there() -> None:
    with pytest.raises(UsageError, match="did you mean mine") as caught:
        create_backend(specify(choice("mien")))
    assert "mine" in caught.value.hint
    with pytest.raises(UsageError, match="which package"):
        specify(choice(None))
