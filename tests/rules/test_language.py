"""Which language an instruction is in: others are told, and English with foreign names is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agx.rules.language import unread_language

EVERYDAY = Path(__file__).parents[1] / "data" / "everyday.jsonl"
NL2BASH = Path(__file__).parents[3] / "shared" / "data" / "nl2bash" / "train.jsonl"
OTHERS = (EVERYDAY.parent / "other_languages.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("instruction", OTHERS)
def test_another_language_is_told(instruction: str) -> None:
    assert unread_language(instruction)


@pytest.mark.parametrize(
    ("instruction", "language"),
    [(OTHERS[0], "German"), ("列出所有文件", "Chinese"), ("покажи файлы", "in Cyrillic letters")],
)
def test_it_is_called_by_its_name(instruction: str, language: str) -> None:
    assert unread_language(instruction) == language


@pytest.mark.parametrize(
    "instruction",
    [
        "remove Größe.txt",
        "copy the folder 'Les fichiers de la mère' to /tmp/für alle",
        "count lines in 日本語.txt",
        "delete 日本語の長いファイル名です.txt in ~/写真",
        "sort noms.txt",
        "ls",
        "git log",
        "12",
        "...",
        "",
    ],
)
def test_names_say_nothing(instruction: str) -> None:
    assert unread_language(instruction) is None


@pytest.mark.parametrize("file", [EVERYDAY, NL2BASH], ids=["everyday", "NL2Bash"])
def test_english_is_english(file: Path) -> None:
    if not file.exists():
        pytest.skip("the data is not here")
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    texts = [row.get("nl") or row["instruction"] for row in rows]
    assert [text for text in texts if unread_language(text)] == []
