"""Settings: the table's checks, the layers' order, and where each value came from."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import pytest

from agx.backends.base import BackendKind
from agx.errors import ConfigError
from agx.plan.dialects import DialectChoice
from agx.plan.schema import MAX_TASKS
from agx.plan.tools import MAX_TOOLS
from agx.planning.config import ModelRole
from agx.requests import Parameters, Range
from agx.risk.context import DEFAULT_MAX_TASKS
from agx.risk.policy import RISK_LIMITS
from agx.settings.layers import Given, Settings, Source, home_folder, read_settings
from agx.settings.table import BY_NAME, SETTINGS


def settings(
    folder: Path,
    *,
    options: dict[str, str] | None = None,
    user: str = "",
    project: str = "",
    **variables: str,
) -> Settings:
    """Read settings from a home and a project folder with these texts as agx.toml."""
    for name, text in (("home", user), ("project", project)):
        (folder / name).mkdir(exist_ok=True)
        if text:
            (folder / name / "agx.toml").write_text(text, encoding="utf-8")
    environ = {"AGX_HOME": str(folder / "home")} | variables
    return read_settings(options, environ=environ, folder=folder / "project")


def test_each_layer_wins_over_the_one_below(tmp_path: Path) -> None:
    """Default < user < project < environment < command line, each with its origin."""
    user, project = "max_tasks = 1", "# a comment\nmax_tasks = 2\n"
    assert settings(tmp_path).given["max_tasks"] == Given(10, Source.DEFAULT, "default")
    assert settings(tmp_path, user=user).given["max_tasks"] == Given(
        1, Source.USER, f"{tmp_path}/home/agx.toml:1"
    )
    with_project = settings(tmp_path, user=user, project=project)
    assert with_project.given["max_tasks"] == Given(2, Source.PROJECT, f"{tmp_path}/project/agx.toml:2")
    with_variable = settings(tmp_path, AGX_MAX_TASKS="3")
    assert with_variable.given["max_tasks"] == Given(3, Source.ENVIRONMENT, "AGX_MAX_TASKS")
    with_option = settings(tmp_path, AGX_MAX_TASKS="3", options={"max_tasks": "4"})
    assert with_option.given["max_tasks"] == Given(4, Source.COMMAND_LINE, "--max-tasks")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("temperature", "0.7", 0.7),
        ("temperature", "1", 1.0),
        ("top_k", "40", 40),
        ("seed", "0", 0),
        ("device", "CPU", "cpu"),
        ("backend", "candle", "llamacpp"),
        ("echo_model", "my model.gguf", "my model.gguf"),
    ],
)
def test_a_value_is_read_by_its_kind(name: str, text: str, value: object) -> None:
    """Numbers become numbers, choices are folded, synonyms replaced, other texts kept as they are."""
    read = BY_NAME[name].from_text(text, origin="here")
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("temperature", "hot", "a number from 0 to 10"),
        ("temperature", "nan", "a number from 0 to 10"),
        ("temperature", "-1", "a number from 0 to 10"),
        ("top_p", "0", "a number above 0 and at most 1"),
        ("timeout_secs", "inf", "a number above 0 and at most 86400"),
        ("top_k", "1.5", "a whole number from 0"),
        ("seed", "4294967295", "from 0 to 4294967294"),
        ("max_tasks", "65", "from 1 to 64"),
        ("max_tokens", "9" * 5000, "from 1 to 131072"),
        ("threads", "9" * 400, "a whole number from 1 to 1024"),
        ("threads", "two", "a whole number from 1 to 1024"),
        ("gpu_layers", "-1", "a whole number from 0 to 9999"),
        ("context_size", "8k", "a whole number from 32 to 16777216"),
        ("flash_attn", "maybe", "one of auto, on, off"),
        ("device", "tpu", "one of auto, cuda, metal, cpu"),
        ("echo_model", "a\x1bb", "a text without control characters"),
        ("echo_model", "", "a text without control characters"),
    ],
)
def test_a_misfit_names_value_place_and_range(name: str, text: str, allowed: str) -> None:
    """The error says what was given, where it came from and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        BY_NAME[name].from_text(text, origin="AGX_X")
    assert name in caught.value.message
    assert "(AGX_X)" in caught.value.message
    assert len(caught.value.message) < 200
    assert allowed in caught.value.hint


@pytest.mark.parametrize(
    ("project", "message"),
    [
        ("\ntemperatur = 1", "agx.toml:2: there is no setting 'temperatur'; did you mean temperature?"),
        ("seed = 1\n[echo]\nmodel = 'x'", "agx.toml:2: there is no setting 'echo'"),
        ("max_tasks = '3'", "max_tasks cannot be '3' ("),
        ("max_tasks = true", "max_tasks cannot be True ("),
        ("max_tasks = 99", "project/agx.toml:1)"),
        ("max_tasks = ", "not valid TOML"),
        ("[" * 5000, "not valid TOML"),
        ("threads = " + "9" * 400, "threads cannot be 999"),
        ("threads = " + "9" * 5000, "not valid TOML: a number or a list in it goes on for too long"),
        ("threads = 0x" + "f" * 5000, "threads cannot be a number of thousands of digits ("),
        ("temperature = " + "9" * 400, "temperature cannot be 999"),
        ("temperature = nan", "temperature cannot be nan ("),
    ],
    ids=[
        "typo",
        "table",
        "text",
        "bool",
        "range",
        "syntax",
        "depth",
        "400 digits",
        "5000 digits",
        "5000 digits in hexadecimal",
        "400 digits of a number",
        "no number",
    ],
)
def test_a_fault_in_a_file_has_its_line(tmp_path: Path, project: str, message: str) -> None:
    """Unknown keys, wrong types and broken TOML name the file, and the line where it is known."""
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, project=project)
    assert message in caught.value.message
    assert caught.value.hint


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, a folder of that name and a huge file are each said in one sentence."""
    path = tmp_path / "agx.toml"
    path.write_bytes(b"seed = 1\n\xff")
    with pytest.raises(ConfigError, match=r"agx\.toml:2: not UTF-8"):
        read_settings(environ={}, folder=tmp_path)
    path.write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(ConfigError, match="larger than"):
        read_settings(environ={}, folder=tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigError, match="is not a file"):
        read_settings(environ={}, folder=tmp_path)


def test_a_home_that_cannot_be_used_does_not_stop_anything(tmp_path: Path) -> None:
    """A home that is a file, or is not there, has no settings; a missing user has no home."""
    (tmp_path / "file").write_text("")
    for home in (tmp_path / "file", tmp_path / "missing"):
        read = read_settings(environ={"AGX_HOME": str(home)}, folder=tmp_path)
        assert read.home == home
        assert read.integer("max_tasks") == 10
    assert home_folder({"AGX_HOME": "relative"}) == Path.cwd() / "relative"


def test_an_unknown_variable_is_a_warning(tmp_path: Path) -> None:
    """A variable may belong to another version: it is named with the nearest known one, and left."""
    read = settings(tmp_path, AGX_TEMPERATUR="1", AGX_SOMETHING_ELSE="1")
    assert read.warnings == (
        "the variable AGX_SOMETHING_ELSE means nothing to agx",
        "the variable AGX_TEMPERATUR means nothing to agx; did you mean AGX_TEMPERATURE?",
    )


def test_names_of_the_rust_agx_are_read(tmp_path: Path) -> None:
    """The names with CANDLE count where the plain ones are not set; an empty variable is not set."""
    read = settings(tmp_path, AGX_CANDLE_SEED="7", AGX_CANDLE_TOP_P="0.5", AGX_TOP_P="0.9", AGX_DEVICE="")
    assert read.given["seed"] == Given(7, Source.ENVIRONMENT, "AGX_CANDLE_SEED")
    assert read.number("top_p") == 0.9
    assert read.text("device") == "auto"


def test_model_path_names_the_model_of_both_roles(tmp_path: Path) -> None:
    """A role's own name wins in the same layer; a higher layer wins over both."""
    read = settings(tmp_path, AGX_MODEL_PATH="a.gguf", AGX_DELTA_MODEL="d.gguf", project="echo_model = 'p'")
    assert (read.text("echo_model"), read.text("delta_model")) == ("a.gguf", "d.gguf")
    assert read.given["echo_model"].origin == "AGX_MODEL_PATH"
    above = settings(tmp_path, AGX_DELTA_MODEL="d.gguf", options={"model_path": "m.gguf"})
    assert (above.text("echo_model"), above.text("delta_model")) == ("m.gguf", "m.gguf")


def test_the_table_agrees_with_the_values_it_fills() -> None:
    """Defaults are allowed values, and the parameters are those of `Parameters`."""
    for row in SETTINGS:
        assert row.default is None or row.checked(row.default, origin="default") == row.default
    assert {name: BY_NAME[name].default for name in asdict(Parameters())} == asdict(Parameters())
    assert (BY_NAME["max_tasks"].default, BY_NAME["max_tasks"].range) == (
        DEFAULT_MAX_TASKS,
        Range(1, MAX_TASKS),
    )
    for name in ("tools_limit", "delta_tools_limit"):
        assert BY_NAME[name].range == Range(0, MAX_TOOLS)
    assert BY_NAME["risk"].choices == RISK_LIMITS
    assert BY_NAME["dialect"].choices == get_args(DialectChoice)
    assert set(BY_NAME["backend"].choices) == {*BackendKind} - {"scripted"}
    assert set(BY_NAME["model_role"].choices) == {*ModelRole}


def test_reading_settings_imports_nothing_heavy() -> None:
    """The command line reads settings before it starts the worker, so they have to be light."""
    code = (
        "import sys, agx.settings.layers as s; s.read_settings(environ={});"
        "sys.exit(bool({'pydantic', 'tomllib', 'asyncio', 'difflib', 'click'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_list_is_read_from_every_layer_and_adds_up(tmp_path: Path) -> None:
    """Lower layers first; what all of them name counts, and each is named as its origin."""
    assert settings(tmp_path).names("forbid") == ()
    user, project = 'forbid = ["rm", "dd"]', 'forbid = "mv, rm"'
    given = settings(tmp_path, user=user, project=project, options={"forbid": "cp"}, AGX_FORBID="dd,ln")
    assert given.names("forbid") == ("rm", "dd", "mv", "ln", "cp")
    files = f"{tmp_path}/home/agx.toml:1, {tmp_path}/project/agx.toml:1"
    assert given.given["forbid"].origin == f"{files}, AGX_FORBID, --forbid"
    assert given.given["forbid"].source is Source.COMMAND_LINE
    assert settings(tmp_path, user="", project="forbid = []").names("forbid") == ("rm", "dd")


@pytest.mark.parametrize("value", ['""', '"a,,b"', '[""]', "[1]", "1", "true", '["a\\u0007"]', '[["a"]]'])
def test_a_list_of_anything_but_names_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match=r"forbid cannot be .*agx.toml:1") as caught:
        settings(tmp_path, project=f"forbid = {value}")
    assert "commas" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [("auto", "auto"), ("candle , Ollama", "llamacpp,ollama"), ("ollama,ollama", "ollama")],
)
def test_backends_are_read_as_an_order(text: str, expected: str) -> None:
    assert BY_NAME["backend"].from_text(text, origin="--backend") == expected


@pytest.mark.parametrize("text", ["", ",", "llamacpp,", "llamacpp,mlx"])
def test_an_order_with_an_unknown_backend_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="backend cannot be"):
        BY_NAME["backend"].from_text(text, origin="--backend")
