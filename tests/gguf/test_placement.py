"""Where a model goes: as many layers to the GPU as fit, and a refusal with numbers where nothing helps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agx.errors import ModelTooLarge
from agx.gguf import ModelCard, read_card
from agx.gguf.card import LayerShape, WeightSizes
from agx.gguf.fit import Use, longest_context, need_of
from agx.gguf.placement import ALL_LAYERS, Machine, place
from tests.tiny_gguf import TinyModel, write_tiny_gguf

GB = 10**9
USE = Use(context_length=4096)


@pytest.fixture
def card(tmp_path: Path) -> ModelCard:
    """A model of 7 billion parameters in 4 bits, as its card would be."""
    tiny = read_card(write_tiny_gguf(tmp_path / "tiny.gguf", TinyModel()))
    return replace(
        tiny,
        name="seven",
        embedding_length=4096,
        ffn_length=11_008,
        vocab_size=32_000,
        context_length=8192,
        layers=LayerShape(32, 32, (8,) * 32, 128, 128),
        weights=WeightSizes(layers=(115_000_000,) * 32, input=74_000_000, others=107_000_000),
    )


def test_the_cache_has_a_row_for_each_token_layer_and_head(card: ModelCard) -> None:
    need = need_of(card, USE)
    assert need.cache == 4096 * 32 * 8 * (128 + 128) * 2
    assert need_of(card, replace(USE, key_type="q8_0")).cache == 4096 * 32 * 8 * (128 // 32 * 34 + 256)
    assert need.weights == 32 * 115_000_000 + 181_000_000
    assert sum(need.layers) + need.input + need.output == need.weights + need.cache


def test_layers_without_heads_and_with_a_window_need_less(card: ModelCard) -> None:
    shape = replace(card.layers, num_kv_heads=(8,) * 16 + (0,) * 16)
    assert need_of(replace(card, layers=shape), USE).cache == need_of(card, USE).cache // 2
    window = replace(card, architecture="gemma2", sliding_window=1024)
    assert need_of(window, USE).cache == need_of(card, USE).cache * (4096 + 1536) // (2 * 4096)


def test_everything_goes_to_a_gpu_that_holds_it(card: ModelCard) -> None:
    machine = Machine(gpu_free=12 * GB, host_free=8 * GB, host_total=16 * GB)
    assert place(card, USE, machine, gpu_layers=None, is_mapped=True).gpu_layers == ALL_LAYERS


def test_a_smaller_gpu_gets_as_many_layers_as_fit(card: ModelCard) -> None:
    machine = Machine(gpu_free=3 * GB, host_free=8 * GB, host_total=16 * GB)
    placement = place(card, USE, machine, gpu_layers=None, is_mapped=True)
    assert 0 < placement.gpu_layers < 32
    assert placement.need.on_gpu(placement.gpu_layers) <= 3 * GB
    assert placement.need.on_gpu(placement.gpu_layers + 1) > 3 * GB


def test_layers_that_were_asked_for_and_do_not_fit_are_refused_with_the_numbers(card: ModelCard) -> None:
    machine = Machine(gpu_free=3 * GB, host_free=8 * GB, host_total=16 * GB)
    with pytest.raises(
        ModelTooLarge, match=r"33 layers of seven need .* GB on the GPU, and 3.0 GB"
    ) as caught:
        place(card, USE, machine, gpu_layers=99, is_mapped=True)
    fitting = int(caught.value.hint.split("AGX_GPU_LAYERS to ")[1].split()[0])
    assert place(card, USE, machine, gpu_layers=fitting, is_mapped=True).gpu_layers == fitting


def test_without_a_gpu_nothing_goes_to_one(card: ModelCard) -> None:
    machine = Machine(host_free=8 * GB, host_total=16 * GB)
    assert place(card, USE, machine, gpu_layers=20, is_mapped=True).gpu_layers == 0


def test_weights_that_are_mapped_need_not_be_free_and_those_that_are_read_do(card: ModelCard) -> None:
    machine = Machine(host_free=3 * GB, host_total=16 * GB)
    assert place(card, USE, machine, gpu_layers=None, is_mapped=True)
    with pytest.raises(ModelTooLarge, match=r"needs 4\.8 GB of memory with a context of 4,096 tokens"):
        place(card, USE, machine, gpu_layers=None, is_mapped=False)


def test_the_refusal_names_a_context_that_fits(card: ModelCard) -> None:
    machine = Machine(host_free=5 * GB, host_total=5 * GB)
    long = replace(USE, context_length=65_536)
    with pytest.raises(ModelTooLarge) as caught:
        place(card, long, machine, gpu_layers=None, is_mapped=True)
    length = int(caught.value.hint.split("AGX_CONTEXT_SIZE to ")[1].split()[0])
    assert place(card, replace(USE, context_length=length), machine, gpu_layers=None, is_mapped=True)
    assert longest_context(card, long, 5 * GB, at_most=65_536) == length


def test_a_machine_that_is_too_small_needs_a_smaller_model(card: ModelCard) -> None:
    machine = Machine(host_free=GB, host_total=2 * GB)
    with pytest.raises(ModelTooLarge) as caught:
        place(card, USE, machine, gpu_layers=None, is_mapped=True)
    assert "smaller model" in caught.value.hint
    assert caught.value.exit_code == 4


def test_nothing_is_refused_where_the_system_does_not_say_what_it_has(card: ModelCard) -> None:
    assert place(card, USE, Machine(), gpu_layers=None, is_mapped=False).gpu_layers == 0
