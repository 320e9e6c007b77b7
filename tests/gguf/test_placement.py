"""Where a model goes: as many layers to the GPU as fit, and a refusal with numbers where nothing helps."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agx.errors import ConfigError, DeviceUnavailable, ModelTooLarge
from agx.gguf.card import LayerShape, ModelCard, WeightSizes, read_card
from agx.gguf.memory import Use, need_of, use_of
from agx.gguf.placement import (
    ALL_LAYERS,
    Machine,
    choose_device,
    longest_context,
    most_sequences,
    place,
)
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
    placement = place(card, USE, machine, gpu_layers=None, is_mapped=True)
    assert not placement.has_room
    roomy = replace(machine, host_free=5 * GB)
    assert place(card, USE, roomy, gpu_layers=None, is_mapped=True).has_room
    with pytest.raises(ModelTooLarge, match=r"needs 4\.8 GB of memory with a context of 4,096 tokens"):
        place(card, USE, machine, gpu_layers=None, is_mapped=False)


def test_the_refusal_names_a_context_that_fits(card: ModelCard) -> None:
    machine = Machine(host_free=5 * GB, host_total=5 * GB)
    long = replace(USE, context_length=65_536)
    with pytest.raises(ModelTooLarge) as caught:
        place(card, long, machine, gpu_layers=None, is_mapped=True)
    length = int(caught.value.hint.split("AGX_CONTEXT_SIZE to ")[1].split()[0])
    assert place(card, replace(USE, context_length=length), machine, gpu_layers=None, is_mapped=True)
    assert longest_context(card, long, machine, gpu_layers=None, is_mapped=True, at_most=65_536) == length


def test_a_gpu_that_takes_a_part_makes_no_model_too_large(card: ModelCard) -> None:
    """The weights that stay on the host are mapped, as they would be without the GPU."""
    host = Machine(host_free=GB, host_total=16 * GB)
    assert place(card, USE, host, gpu_layers=None, is_mapped=True).gpu_layers == 0
    both = replace(host, gpu_free=3 * GB)
    assert 0 < place(card, USE, both, gpu_layers=None, is_mapped=True).gpu_layers < 32
    with pytest.raises(ModelTooLarge):
        place(card, USE, both, gpu_layers=None, is_mapped=False)


def test_what_the_host_has_to_hold_is_its_layers_caches_and_the_buffers(card: ModelCard) -> None:
    need = need_of(card, USE)
    assert need.held_on_host(0) == need.total - need.weights
    assert need.held_on_host(0) - need.held_on_host(8) == need.cache // 4
    assert need.held_on_host(33) == need.held_on_host(0) - need.cache


def test_weights_that_are_mapped_leave_the_room_to_the_context(card: ModelCard) -> None:
    machine = Machine(host_free=3 * GB, host_total=16 * GB)
    long = replace(USE, context_length=65_536)
    with pytest.raises(ModelTooLarge, match=r"needs 17\.0 GB of memory") as caught:
        place(card, long, machine, gpu_layers=None, is_mapped=True)
    length = int(caught.value.hint.split("AGX_CONTEXT_SIZE to ")[1].split()[0])
    assert place(card, replace(USE, context_length=length), machine, gpu_layers=None, is_mapped=True)
    with pytest.raises(ModelTooLarge):
        place(card, replace(USE, context_length=length + 256), machine, gpu_layers=None, is_mapped=True)


def test_the_longest_context_is_the_whole_one_where_that_fits(card: ModelCard) -> None:
    machine = Machine(host_free=8 * GB, host_total=16 * GB)
    for most in (100, 8191):
        assert longest_context(card, USE, machine, gpu_layers=None, is_mapped=True, at_most=most) == most
    none = Machine(host_free=0, host_total=16 * GB)
    assert longest_context(card, USE, none, gpu_layers=None, is_mapped=True, at_most=8192) == 0


def given(card: ModelCard, **settings: Any) -> Use:
    """Return how a model is loaded with these settings, and the defaults for the others."""
    plain = {"context_size": None, "key_type": "f16", "value_type": "f16", "flash_attn": "auto"}
    return use_of(card, **(plain | settings))


def test_a_model_is_loaded_with_its_own_context_up_to_a_bound(card: ModelCard) -> None:
    assert given(card) == Use(8192, flash_attention=True)
    assert given(replace(card, context_length=131_072)).context_length == 8192
    assert given(replace(card, context_length=512)).context_length == 512
    assert given(replace(card, context_length=131_072), context_size=100_000).context_length == 100_000
    assert given(card, flash_attn="off", key_type="q8_0") == Use(8192, "q8_0", flash_attention=False)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"context_size": 8193}, "a context of 8193 tokens is out of range for this model"),
        ({"context_size": 0}, "a context of 0 tokens is out of range for this model"),
        ({"key_type": "q3_k"}, "no cache has the type 'q3_k'"),
        ({"value_type": "nonsense"}, "no cache has the type 'nonsense'"),
        ({"flash_attn": "maybe"}, "flash attention cannot be 'maybe'"),
        ({"flash_attn": "off", "value_type": "q8_0"}, "values in q8_0 needs flash attention"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value),
)
def test_what_no_model_can_be_loaded_with_is_refused(
    card: ModelCard, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        given(card, **settings)
    assert caught.value.hint


def test_a_cache_of_blocks_needs_heads_that_are_blocks(card: ModelCard) -> None:
    """Without flash attention it is the heads of a token together that are cut into blocks."""
    narrow = replace(card, layers=replace(card.layers, key_width=80, value_width=80))
    assert given(narrow, flash_attn="off", key_type="q8_0")
    for kind in ("key_type", "value_type"):
        with pytest.raises(ConfigError, match="made of blocks of 32, and this model's heads are 80 wide"):
            given(narrow, **{kind: "q8_0"})


@pytest.mark.parametrize(
    ("name", "listed", "chosen"),
    [
        ("auto", ["CPU"], "cpu"),
        ("auto", ["CUDA", "CUDA", "CPU"], "cuda"),
        ("auto", ["MTL", "BLAS", "CPU"], "metal"),
        ("auto", ["Vulkan", "CPU"], "cpu"),
        ("cpu", ["CUDA", "CPU"], "cpu"),
        ("metal", ["Metal", "CPU"], "metal"),
    ],
)
def test_a_setting_means_a_device_that_is_there(name: str, listed: list[str], chosen: str) -> None:
    assert choose_device(name, listed, compiled=listed) == chosen


def test_a_device_that_is_not_there_is_missing_in_build_or_machine() -> None:
    with pytest.raises(
        DeviceUnavailable, match=r"this build of llama.cpp has no cuda backend \(it has CPU\)"
    ):
        choose_device("cuda", ["CPU"], compiled=["CPU"])
    with pytest.raises(DeviceUnavailable, match="this machine has no cuda device"):
        choose_device("cuda", ["CPU"], compiled=["CUDA", "CPU"])
    with pytest.raises(ConfigError, match="no device is called 'tpu'"):
        choose_device("tpu", ["CPU"], compiled=["CPU"])


def test_a_machine_that_is_too_small_needs_a_smaller_model(card: ModelCard) -> None:
    machine = Machine(host_free=GB, host_total=2 * GB)
    with pytest.raises(ModelTooLarge) as caught:
        place(card, USE, machine, gpu_layers=None, is_mapped=True)
    assert "smaller model" in caught.value.hint
    assert caught.value.exit_code == 4


def test_nothing_is_refused_where_the_system_does_not_say_what_it_has(card: ModelCard) -> None:
    assert place(card, USE, Machine(), gpu_layers=None, is_mapped=False).gpu_layers == 0


@pytest.mark.parametrize(
    ("host_gb", "gpu_gb", "expected"), [(64, None, 16), (6.6, None, 4), (4.8, None, 1), (16, 7, 5)]
)
def test_as_many_sequences_as_fit_are_decoded_together(
    card: ModelCard, host_gb: float, gpu_gb: float | None, expected: int
) -> None:
    """Half a gigabyte of cache each, beside four of weights; on the GPU where the layers are."""
    host, gpu = int(host_gb * GB), None if gpu_gb is None else int(gpu_gb * GB)
    machine = Machine(gpu_free=gpu, host_free=host, host_total=host)
    use = replace(USE, flash_attention=True)
    placement = place(card, use, machine, gpu_layers=None, is_mapped=True)
    assert most_sequences(card, use, machine, placement=placement, is_mapped=True) == expected
    recurrent = replace(card, is_recurrent=True)
    assert most_sequences(recurrent, use, machine, placement=placement, is_mapped=True) == 1
