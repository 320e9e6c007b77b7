"""The catalogue holds what it promises, and its memory is what the formula says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agx.errors import ConfigError
from agx.gguf.card import read_card
from agx.gguf.memory import Use, need_of
from agx.models.catalog import CatalogEntry, load_catalog, memory_needed
from agx.models.fetch.sources import HubFile, checked_path, parse_source
from tests.tiny_gguf import TinyModel, write_tiny_gguf

NAMES = {
    "qwen2.5-1.5b-instruct", "vibethinker-1.5b", "mistral-nemo-instruct-2407", "qwen3-0.6b", "qwen3-1.7b",
    "qwen3-4b", "qwen3-8b", "qwen3-14b", "qwen3-32b", "qwen3-30b-a3b", "qwen3-235b-a22b",
    "llama-3.2-1b-instruct", "llama-3.2-3b-instruct", "llama-3.1-8b-instruct", "llama-3.3-70b-instruct",
    "phi-3.5-mini-instruct", "gemma-2-2b-it", "gemma-2-9b-it", "gemma-2-27b-it",
}  # fmt: skip


def test_the_catalogue_has_the_models_that_people_use() -> None:
    assert set(load_catalog()) == NAMES


@pytest.mark.parametrize("entry", load_catalog().values(), ids=lambda entry: entry.name)
def test_an_entry_can_be_pulled_and_its_numbers_agree(entry: CatalogEntry) -> None:
    assert parse_source(entry.name) is None
    assert isinstance(parse_source(f"hf:{entry.repository}/{checked_path(entry.file)}"), HubFile)
    assert entry.quantisation.lower() in entry.file.lower()
    assert entry.memory_gb == round(memory_needed(entry) / 1e9, 1)
    assert 0 < entry.active <= entry.parameters
    bits = entry.size_gb * 8 / entry.parameters
    assert 4 < bits < 9, "a file of four to eight bits a weight"
    assert not re.search("[0-9a-f]{64}", str(entry.to_dict()))


def test_memory_is_weights_and_cache_and_buffers(tmp_path: Path) -> None:
    """The formula agrees with the estimate that is made from a model's file."""
    shape = TinyModel(
        num_layers=4, width=256, num_heads=4, num_kv_heads=2, ffn_width=1024, context_length=8192
    )
    card = read_card(write_tiny_gguf(tmp_path / "tiny.gguf", shape))
    entry = CatalogEntry(
        name="tiny", repository="o/r", file="tiny.gguf", quantisation="F16", parameters=0.01, active=0.01,
        size_gb=card.weights.total / 1e9, memory_gb=0, layers=4, kv_heads=2, head_width=64, width=256,
        context=8192, good_for=("echo",), preference=1, licence="", ollama="",
    )  # fmt: skip
    need = need_of(card, Use(8192, flash_attention=True))
    assert memory_needed(entry) == pytest.approx(need.total, abs=100e6)
    longer = memory_needed(entry) - memory_needed(entry, context_length=4096)
    shorter_need = need_of(card, Use(4096, flash_attention=True))
    assert longer == pytest.approx(need.total - shorter_need.total, rel=0.2)


def test_more_context_than_the_model_has_costs_nothing() -> None:
    entry = load_catalog()["gemma-2-2b-it"]
    assert memory_needed(entry, context_length=1 << 20) == memory_needed(entry, context_length=entry.context)


@pytest.mark.parametrize("text", ["", "[models.a]\nfile = 1", "x", "[models.a]\ngood_for = ['nothing']"])
def test_a_broken_catalogue_is_a_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / "catalog.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="no catalogue"):
        load_catalog(path)
