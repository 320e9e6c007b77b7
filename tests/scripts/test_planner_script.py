"""`scripts/train-planner`: how it is called, and that its mix names the sources that there are."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "train-planner"


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a copy that stands alone: it finds nothing to set up or to train with."""
    (folder / "scripts").mkdir()
    script = shutil.copy(SCRIPT, folder / "scripts")
    return subprocess.run([script, *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), ([], 2), (["nl2bash", "tldr"], 2)])
def test_it_says_how_it_is_called(arguments: list[str], code: int, tmp_path: Path) -> None:
    done = _run(tmp_path, *arguments)
    assert done.returncode == code
    assert "scripts/train-planner NL2BASH TLDR CHEATS BUILD" in (done.stderr if code else done.stdout)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_missing_folder_is_an_error_before_anything_is_made(place: int, tmp_path: Path) -> None:
    folders = [".", ".", "."]
    folders[place] = "missing"
    done = _run(tmp_path, *folders, "build")
    assert done.returncode != 0
    assert "missing" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["scripts"]


def test_its_mix_names_the_hand_written_files() -> None:
    mix = re.search(r"^mix=(.+)$", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)
    assert mix is not None
    named = {part.partition("=")[0] for part in mix[1].split(",")}
    assert {path.stem for path in (ROOT / "scripts" / "data").glob("*.jsonl")} <= named
    assert {"nl2bash", "tldr", "cheats"} <= named
