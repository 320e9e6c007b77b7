"""OLLAMA_HOST leads where Ollama's own programs go."""

from __future__ import annotations

import pytest

from agx.errors import ConfigError
from agx.models.ollama.host import is_loopback, ollama_url

# Those of Ollama's `envconfig/config_test.go` and of its Python client, and addresses to be reached.
URLS = {
    "": "http://127.0.0.1:11434",
    "1.2.3.4": "http://1.2.3.4:11434",
    ":56789": "http://127.0.0.1:56789",
    "1.2.3.4:56789": "http://1.2.3.4:56789",
    "http://1.2.3.4": "http://1.2.3.4:80",
    "https://1.2.3.4": "https://1.2.3.4:443",
    "https://1.2.3.4:56789": "https://1.2.3.4:56789",
    "example.com": "http://example.com:11434",
    "example.com:56789": "http://example.com:56789",
    "http://example.com": "http://example.com:80",
    "https://example.com:56789": "https://example.com:56789",
    "example.com/": "http://example.com:11434",
    "example.com:56789/path/": "http://example.com:56789/path",
    "http://example.com/a/b": "http://example.com:80/a/b",
    "localhost": "http://localhost:11434",
    "::1": "http://[::1]:11434",
    "[::1]": "http://[::1]:11434",
    "[::1]:80": "http://[::1]:80",
    "http://[::1]": "http://[::1]:80",
    "0.0.0.0": "http://127.0.0.1:11434",
    "0.0.0.0:1234": "http://127.0.0.1:1234",
    "[::]:1234": "http://[::1]:1234",
    "1.2.3.4:": "http://1.2.3.4:11434",
    "1.2.3.4:66000": "http://1.2.3.4:11434",
    "1.2.3.4:-1": "http://1.2.3.4:11434",
    "https://1.2.3.4:x": "https://1.2.3.4:443",
    ' "1.2.3.4" ': "http://1.2.3.4:11434",
    "'http://1.2.3.4'": "http://1.2.3.4:80",
}


@pytest.mark.parametrize(("given", "url"), URLS.items(), ids=URLS.keys())
def test_an_address_is_read_as_ollama_reads_it(given: str, url: str) -> None:
    assert ollama_url({"OLLAMA_HOST": given}) == url


def test_without_the_variable_it_is_this_machine() -> None:
    assert ollama_url({}) == "http://127.0.0.1:11434"


@pytest.mark.parametrize(
    "given",
    [
        "ftp://1.2.3.4", "a b", "user:pass@host", "user@host", "a:b:c", "http://x/?y", "http://x/a b",
        "\x1b[2J", "-x", "a\nb", "http://http://x", "x" * 300,
    ],
)  # fmt: skip
def test_what_names_no_server_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match=r"OLLAMA_HOST is .* no address of a server") as caught:
        ollama_url({"OLLAMA_HOST": given})
    assert "127.0.0.1:11434" in caught.value.hint


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:11434", True),
        ("http://[::1]:80/path", True),
        ("http://localhost:1", True),
        ("http://example.com:80", False),
        ("http://10.0.0.1:80", False),
    ],
)
def test_this_machine_is_known(url: str, *, expected: bool) -> None:
    assert is_loopback(url) is expected
