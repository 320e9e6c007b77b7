"""The script that measures what a large vocabulary costs: it runs, on a small one here."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.architectures.vocabularies import file, is_there
from tests.documents import ROOT


@pytest.mark.skipif(not is_there("llama-spm"), reason="the vocabulary is not here")
def test_it_prints_both_medians_and_their_difference() -> None:
    command = [sys.executable, "-m", "scripts.measure.vocabulary", str(file("llama-spm")), "--runs", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    figures = re.findall(r"^  (\S+) +([\d.]+) s", done.stdout, re.MULTILINE)
    assert [name for name, _ in figures] == ["agx-nano.gguf", "ggml-vocab-llama-spm.gguf"]
    [difference] = re.findall(r"\(([+-][\d.]+) s\)", done.stdout)
    assert float(figures[1][1]) - float(figures[0][1]) == pytest.approx(float(difference), abs=0.002)
