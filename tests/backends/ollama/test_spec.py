"""Which model Ollama is asked for, at which address, and when it is asked at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from agx.backends.base import BackendKind
from agx.backends.ollama.spec import OllamaSpec
from agx.backends.specs import (
    FallbackSpec,
    LlamaCppSpec,
    ModelChoice,
    ServerChoice,
    UnavailableSpec,
    first_spec,
    specify,
)
from agx.errors import ConfigError, UsageError
from agx.requests import LoadOptions
from tests.ollama_models import put_model

OLLAMA = BackendKind.OLLAMA


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No server and no models but those of a test."""
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "models"))


def asked(model: str, named: str | None = None, **more: object) -> OllamaSpec:
    choice = ModelChoice(model, OLLAMA, servers=ServerChoice(ollama_model=named), **more)  # type: ignore[arg-type]
    spec = specify(choice)
    assert isinstance(spec, OllamaSpec)
    return spec


@pytest.mark.parametrize(
    ("model", "named", "expected"),
    [
        ("ollama:qwen3:0.6b", None, "qwen3:0.6b"),
        ("ollama:qwen3:0.6b", "other", "qwen3:0.6b"),
        ("qwen3:0.6b", None, "qwen3:0.6b"),
        ("llama3.2", "other", "llama3.2"),
        ("agx-nano", "other", "other"),
        ("agx-nano", "ollama:other", "other"),
        ("model.gguf", "other", "other"),
    ],
)
def test_the_model_is_the_one_that_was_named_for_ollama(model: str, named: str | None, expected: str) -> None:
    assert asked(model, named).model == expected


def test_without_a_name_of_ollamas_the_error_says_how_to_give_one() -> None:
    with pytest.raises(ConfigError, match="no model") as caught:
        asked("agx-nano")
    assert "AGX_OLLAMA_MODEL" in caught.value.hint
    with pytest.raises(UsageError, match=r"m\.gguf"):
        asked("m.gguf")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("box", "http://box:11434"),
        ("box:8080", "http://box:8080"),
        ("https://box", "https://box:443"),
        ("[::1]:99", "http://[::1]:99"),
        ("http://box/ollama/", "http://box:80/ollama"),
    ],
)
def test_the_server_is_the_one_of_ollama_host(host: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    assert asked("m").url == url


def test_what_is_said_of_loading_goes_along() -> None:
    choice = ModelChoice(
        "m", OLLAMA, load=LoadOptions(context_size=999), servers=ServerChoice(ollama_keep_alive="-1")
    )
    spec = specify(choice)
    assert isinstance(spec, OllamaSpec)
    assert (spec.context_size, spec.keep_alive) == (999, -1)


def test_auto_asks_ollama_only_for_a_model_that_was_named_as_ollamas() -> None:
    assert isinstance(specify(ModelChoice("m.gguf")), LlamaCppSpec)
    spec = specify(ModelChoice("m.gguf", servers=ServerChoice(ollama_model="m")))
    assert isinstance(spec, FallbackSpec)
    assert [one.backend.value for one in spec.specs] == ["llamacpp", "ollama"]
    assert first_spec(spec) == spec.specs[0]


def test_a_model_of_ollamas_is_read_in_place_where_it_is_and_else_asked_for(tmp_path: Path) -> None:
    missing = specify(ModelChoice("ollama:mine:v1"))
    assert isinstance(missing, FallbackSpec)
    assert isinstance(missing.specs[0], UnavailableSpec)
    blob = put_model(tmp_path / "models", "mine:v1", b"GGUF")
    there = first_spec(specify(ModelChoice("ollama:mine:v1")))
    assert isinstance(there, LlamaCppSpec)
    assert there.path == blob


@pytest.mark.parametrize("order", [(), (BackendKind.AUTO, OLLAMA)])
def test_what_is_no_order_is_refused(order: tuple[BackendKind, ...]) -> None:
    with pytest.raises(UsageError, match="no order"):
        specify(ModelChoice("m", order))


def test_any_order_can_be_asked_for() -> None:
    choice = ModelChoice("m.gguf", (OLLAMA, BackendKind.LLAMACPP), servers=ServerChoice("m"))
    spec = specify(choice)
    assert isinstance(spec, FallbackSpec)
    assert [one.backend for one in spec.specs] == [OLLAMA, BackendKind.LLAMACPP]
