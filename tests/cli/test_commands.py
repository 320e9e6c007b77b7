"""The commands beside `plan`, and what every command answers without doing any work."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.cli.conftest import Agx

HEAVY = ("pydantic", "numpy", "llama_cpp", "llguidance", "jinja2", "rich", "asyncio", "gguf", "ollama")


def command_line(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m agx` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "agx", *arguments],
        capture_output=True,
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        env=os.environ | variables,
    )


@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["--help"], ["plan", "--help"], ["doctor", "-h"], ["config", "show"], ["eval", "--help"]],
    ids=" ".join,
)
def test_light_commands_import_nothing_heavy(arguments: list[str]) -> None:
    """Neither version nor help waits for a library that only planning needs."""
    code = (
        "import sys; from agx.cli.app import run\n"
        f"assert run({arguments!r}) == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout


@pytest.mark.parametrize("module", ["agx.cli.show.output", "agx.cli.commands.config"])
def test_an_interrupt_while_modules_are_imported_is_no_traceback(module: str) -> None:
    code = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from agx.cli.entry import main\n"
        "main()"
    )
    command = [sys.executable, "-c", code, "config", "show"]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize(
    "command", ["", "plan", "eval", "doctor", "config", "config show", "schema", "schema plan"]
)
def test_every_command_has_help_with_examples(agx: Agx, command: str) -> None:
    """--help ends with commands that can be copied."""
    done = agx(*command.split(), "--help")
    assert done.code == 0
    assert f"  agx {command}".rstrip() in done.out.split("Examples:")[1]


def test_version_is_one_line() -> None:
    """`agx --version` says name and version."""
    done = command_line("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("agx ")
    assert done.stdout.count("\n") == 1


def test_config_show_names_every_origin(agx: Agx, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each value stands with the file and line, variable or option it came from."""
    monkeypatch.setenv("AGX_SEED", "7")
    (tmp_path / "agx.toml").write_text("# mine\ntop_k = 40\n")
    shown = json.loads(agx("config", "show", "--json", "--temperature", "0.8").out)["settings"]
    assert shown["temperature"] == {"value": 0.8, "origin": "--temperature", "source": "command_line"}
    assert shown["seed"] == {"value": 7, "origin": "AGX_SEED", "source": "environment"}
    assert shown["top_k"] == {"value": 40, "origin": "agx.toml:2", "source": "project"}
    assert shown["max_tasks"] == {"value": 10, "origin": "default", "source": "default"}
    lines = agx("config", "show").out.splitlines()
    assert any(line.split() == ["top_k", "40", "agx.toml:2"] for line in lines)
    assert lines[0].split() == ["home", str(tmp_path / "home"), "AGX_HOME"]


def test_schema_plan_fits_the_plans_that_are_printed(agx: Agx) -> None:
    """A plan that AGX prints is valid by the schema that AGX prints."""
    schema = json.loads(agx("schema", "plan").out)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(agx("plan", "x").out))


def test_doctor_says_ok_or_what_to_do(agx: Agx) -> None:
    """Each line has a status; planning works with the script, so the exit code is 0."""
    done = agx("doctor")
    assert done.code == 0, done.out
    assert done.out.startswith("ok    agx ")
    assert '"list all rust files and count lines": find | xargs' in done.out
    as_json = json.loads(agx("doctor", "--json").out)
    assert as_json["ok"]
    assert {check["status"] for check in as_json["checks"]} <= {"ok", "note"}


def test_doctor_fails_where_planning_fails(agx: Agx) -> None:
    """The line says why, the next one what to do, and the exit code is 1."""
    done = agx("doctor", replies=("nonsense",))
    assert done.code == 1
    lines = done.out.splitlines()
    failed = next(number for number, line in enumerate(lines) if line.startswith("fail  plan"))
    assert lines[failed + 1].lstrip().startswith("-> ")


def test_doctor_tells_of_llama_cpp_and_devices_where_no_model_could_be_loaded() -> None:
    """That is when one wants to know what there is."""
    done = command_line("doctor", "--context-size", "99999")
    lines = dict(line[6:].split(None, 1) for line in done.stdout.splitlines() if not line.startswith(" "))
    assert done.returncode == 1
    assert "a context of 99999 tokens is out of range" in lines["embedded"]
    assert re.search(r"^build llama-cpp-python [\d.]+; CPU: \w+( \w+)*$", lines["llama.cpp"])
    assert "CPU" in lines["devices"]


def test_doctor_notes_a_home_that_cannot_be_written(agx: Agx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planning works without one: a note with advice, and exit code 0."""
    monkeypatch.setenv("AGX_HOME", f"{os.devnull}/home")
    done = agx("doctor")
    assert done.code == 0
    assert "note  home" in done.out
    assert "-> set AGX_HOME" in done.out
