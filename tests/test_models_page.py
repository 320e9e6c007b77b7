"""The commands of all pages that fetch something work, from a hub on loopback."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agx.models.catalog import load_catalog
from agx.prompts.examples import example_bank
from tests.documents import ROOT, Block, blocks, environment
from tests.hub_server import HubServer
from tests.tiny_gguf import TinyModel, write_tiny_gguf

NAMES = ("qwen3-4b", "qwen3-0.6b", "qwen2.5-1.5b-instruct")
ENTRIES = [load_catalog()[name] for name in NAMES]
PAGE = (ROOT / "docs/models.md").read_text(encoding="utf-8")
FETCHING = [block for block in blocks("shell") if "agx models pull" in block.text]


@pytest.mark.parametrize("block", FETCHING, ids=lambda block: block.place)
def test_models_are_fetched_and_planned_with(block: Block, tmp_path: Path) -> None:
    """The hub has small random models under the names of the large ones: a plan of one may be nonsense."""
    data = write_tiny_gguf(tmp_path / "tiny.gguf", TinyModel(context_length=4096)).read_bytes()
    with HubServer().running() as hub:
        for number, entry in enumerate(ENTRIES):
            hub.files[entry.file] = data + bytes(number)
            hub.repositories[entry.repository] = {entry.file, "other-Q2_K.gguf"}
        hub.sizes["other-Q2_K.gguf"] = 1000
        variables = environment(tmp_path) | {"HF_ENDPOINT": hub.url}
        for line in block.text.splitlines():
            done = subprocess.run(
                ["sh", "-ec", line], capture_output=True, text=True, check=False, cwd=tmp_path, env=variables
            )
            assert done.returncode in ({0, 3} if "agx plan" in line else {0}), (line, done.stderr)
            assert "has not been pulled" not in done.stderr
    assert {path.name for path in (tmp_path / "home" / "models").glob("*.gguf")} == {
        entry.file for entry in ENTRIES if entry.name in block.text or entry.repository in block.text
    }


def test_the_page_says_how_many_examples_there_are() -> None:
    """In thousands."""
    assert f"a bank of {round(len(example_bank()), -3):,} pairs" in PAGE


def test_the_page_fetches_something() -> None:
    assert {block.place.partition(":")[0] for block in FETCHING} == {"README.md", "models.md"}
