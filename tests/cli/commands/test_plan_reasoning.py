"""--chat-template and --think: from options, variables and files to the model, and to the terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agx.backends.scripted import ScriptedReply
from agx.models.chat_templates import chat_template
from tests.cli.conftest import COUNT_LINES, Agx
from tests.cli.test_terminal import PROGRAM, in_terminal
from tests.tiny_gguf import TinyModel, write_tiny_gguf

AGX = [sys.executable, "-m", "agx"]
THOUGHTS = "first find\nthen count"
THINKING = PROGRAM.replace(
    f"ScriptedBackend([{COUNT_LINES!r}])",
    f"ScriptedBackend([ScriptedReply({COUNT_LINES!r}, thoughts={THOUGHTS!r})])",
).replace("import ScriptedBackend", "import ScriptedBackend, ScriptedReply")


@pytest.fixture(scope="module")
def untold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a model without a chat template."""
    model = TinyModel(planner_tools=None, chat_template=None, context_length=8192)
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "untold.gguf", model)


def dry_run(model: Path, home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Show the prompt for the model that a real worker loads."""
    more = {"AGX_MODEL_PATH": str(model), "AGX_HOME": str(home), "AGX_DEVICE": "cpu", "AGX_THREADS": "1"}
    return subprocess.run(
        [*AGX, "plan", "list files", "--dry-run", "--json", *arguments],
        env=os.environ | more | variables, cwd=home,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def prompt_of(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["prompt"])


def test_a_model_without_a_template_is_warned_of_on_stderr(untold: Path, tmp_path: Path) -> None:
    done = dry_run(untold, tmp_path)
    assert prompt_of(done).startswith("<|im_start|>system\n")
    (line,) = done.stderr.splitlines()
    assert "no chat template" in json.loads(line)["warning"]["message"]


def test_a_template_is_given_by_name_file_variable_or_setting(untold: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.jinja"
    file.write_text("{% for m in messages %}({{ m.role }}) {{ m.content }}\n{% endfor %}")
    by_name = dry_run(untold, tmp_path, "--chat-template", "llama3")
    assert prompt_of(by_name).endswith("<|start_header_id|>assistant<|end_header_id|>\n\n")
    assert not by_name.stderr
    by_file = prompt_of(dry_run(untold, tmp_path, "--chat-template", "own.jinja"))
    assert by_file.startswith("(system) ")
    assert prompt_of(dry_run(untold, tmp_path, AGX_CHAT_TEMPLATE=str(file))) == by_file
    (tmp_path / "agx.toml").write_text('chat_template = "own.jinja"\n')
    assert prompt_of(dry_run(untold, tmp_path)) == by_file


def test_a_template_that_is_not_there_is_an_error_with_the_names(agx: Agx) -> None:
    done = agx("plan", "list files", "--chat-template", "lama3")
    assert done.code == 2
    assert "there is no chat template lama3" in done.err
    assert "chatml, " in done.err


def test_a_broken_template_is_an_error_and_no_crash(untold: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jinja").write_text("{% for m in messages %}")
    done = dry_run(untold, tmp_path, "--chat-template", "broken.jinja")
    assert done.returncode == 4
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    assert error["code"] == "TemplateError"
    assert "--chat-template" in error["hint"]


def test_options_reach_the_planner(agx: Agx) -> None:
    config = agx("plan", "x", "--think", "300", "--chat-template", "chatml").config
    assert config is not None
    assert (config.think, config.load.chat_template) == (300, chat_template("chatml"))
    config = agx("plan", "x").config
    assert config is not None
    assert (config.think, config.load.chat_template) == (None, None)


@pytest.mark.parametrize("value", ["-1", "many", "999999999"])
def test_a_budget_out_of_range_is_a_usage_error(agx: Agx, value: str) -> None:
    done = agx("plan", "x", f"--think={value}")
    assert done.code == 2
    assert "think" in done.err


def test_thoughts_are_never_printed_with_the_plan(agx: Agx) -> None:
    done = agx("plan", "x", replies=(ScriptedReply(COUNT_LINES, thoughts=THOUGHTS),))
    assert done.code == 0
    assert "first find" not in done.out + done.err
    assert json.loads(done.out)["tasks"]


def test_a_terminal_shows_thoughts_dimly_and_takes_them_away() -> None:
    shown = in_terminal(streams=["stderr"], program=THINKING)
    assert "\x1b[2mfirst fi\x1b[22m" in shown
    assert "nd then" not in shown.partition("\x1b[J")[2]
    thoughts, _, plan = shown.partition("\r\x1b[J")
    assert "count" in thoughts
    assert COUNT_LINES[:20] in plan
    assert shown.endswith("\r\x1b[J")


def test_without_colour_thoughts_are_shown_plainly() -> None:
    shown = in_terminal(streams=["stderr"], program=THINKING, NO_COLOR="1")
    assert "\x1b[2m" not in shown
    assert "first find then count" in shown
