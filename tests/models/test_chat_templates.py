"""Chat templates by name and by file."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from agx.engine.chat.templates import chatml
from agx.errors import UsageError
from agx.models.chat_templates import chat_template, template_names


def test_the_well_known_ones_have_names() -> None:
    assert {"chatml", "gemma", "llama3", "mistral", "phi3", "qwen3"} <= set(template_names())
    assert chat_template("chatml") == chatml()
    for name in template_names():
        assert "messages" in chat_template(name)


def test_a_file_gives_its_text(tmp_path: Path) -> None:
    file = tmp_path / "own.jinja"
    file.write_bytes(b"\xef\xbb\xbf{{ messages }}\xc3\xa9")
    assert chat_template(str(file)) == "{{ messages }}é"


def test_a_name_comes_before_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "phi3").write_text("mine")
    assert chat_template("phi3") != "mine"
    assert chat_template("./phi3") == "mine"


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("{{ messages }}",))
    writer.start()
    assert [chat_template(str(pipe)) for _ in range(2)] == ["{{ messages }}"] * 2
    writer.join()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe{", "not UTF-8"),
        (b"x" * (1 << 18) + b"x", "larger than 256 KiB"),
    ],
    ids=["nothing", "blank", "another encoding", "too large"],
)
def test_what_is_no_template_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "bad.jinja"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        chat_template(str(file))


@pytest.mark.parametrize("name", ["lama3", "no/such/file", "../templates/chatml", "a\0b", "~nobody-here/x"])
def test_what_is_not_there_is_refused_with_the_names(name: str) -> None:
    with pytest.raises(UsageError, match="chat template") as caught:
        chat_template(name)
    assert caught.value.hint


def test_a_folder_is_no_template(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        chat_template(str(tmp_path))
