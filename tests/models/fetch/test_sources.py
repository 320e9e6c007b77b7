"""What a model is called where it is fetched, and what no name may do."""

from __future__ import annotations

import pytest

from agx.errors import UsageError
from agx.models.fetch.sources import HubChoice, HubFile, Source, WebFile, local_name, parse_source, web_name


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (
            "hf:Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf",
            HubFile("Qwen/Qwen3-0.6B-GGUF", "Qwen3-0.6B-Q8_0.gguf"),
        ),
        ("hf:o/r/sub dir/a b.GGUF", HubFile("o/r", "sub dir/a b.GGUF")),
        ("hf:o/r@v1.0/a.gguf", HubFile("o/r", "a.gguf", "v1.0")),
        ("o/r/a.gguf", HubFile("o/r", "a.gguf")),
        ("hf:o/r:Q4_K_M", HubChoice("o/r", "Q4_K_M")),
        ("o/r:q4_k_m", HubChoice("o/r", "q4_k_m")),
        ("o/r", HubChoice("o/r")),
        ("https://huggingface.co/o/r/blob/main/x/a.gguf", HubFile("o/r", "x/a.gguf")),
        ("https://huggingface.co/o/r/resolve/v2/a.gguf?download=true", HubFile("o/r", "a.gguf", "v2")),
        ("http://localhost:8000/a.gguf", WebFile("http://localhost:8000/a.gguf")),
        ("qwen2.5-1.5b-instruct", None),
    ],
    ids=str,
)
def test_names_are_read(text: str, source: Source | None) -> None:
    assert parse_source(text) == source


def test_a_source_is_written_as_it_is_read() -> None:
    for text in ("hf:o/r/a.gguf", "hf:o/r@v1/x/a.gguf", "hf:o/r:Q4_0"):
        assert str(parse_source(text)) == text


def test_a_url_is_shown_without_what_is_secret() -> None:
    source = parse_source("https://me:secret@example.org/m/a%20b.gguf?token=secret")
    assert str(source) == "https://example.org/m/a%20b.gguf"
    assert isinstance(source, WebFile)
    assert web_name(source) == "a b.gguf"


@pytest.mark.parametrize(
    "text",
    [
        "hf:",
        "hf:owner",
        "hf:o/r/../../etc/passwd.gguf",
        "hf:o/../x.gguf",
        "hf:../r/x.gguf",
        "hf:o/r//x.gguf",
        "hf:o/r/x.txt",
        "hf:o/r/..gguf",
        "hf:o/r/a\\b.gguf",
        "hf:o/r/a\n.gguf",
        "hf:o/r/a\x1b[2J.gguf",
        "hf:o/r@../x.gguf",
        "hf:o/r:",
        "hf:o/r:../x",
        "o o/r:Q4",
        "/etc/passwd",
        "../x/y",
        "https://",
        "https://host:port/x.gguf",
        "http://[::1/x.gguf",
        "https://host/a b.gguf",
        "https://huggingface.co/o/r/resolve/main/%2e%2e/%2e%2e/x.gguf",
        "ollama:qwen3:0.6b",
    ],
)
def test_what_is_no_name_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_source(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    "name",
    [
        "",
        "gguf",
        "a.bin",
        ".a.gguf",
        "-a.gguf",
        "a/b.gguf",
        "..\\a.gguf",
        "a\0.gguf",
        "c:a.gguf",
        "a" * 300 + ".gguf",
    ],
)
def test_a_name_that_cannot_lie_in_the_models_folder_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        local_name(name)
    assert local_name("A model (1).GGUF") == "A model (1).GGUF"
