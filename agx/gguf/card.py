"""A model's card: what its GGUF header says of it, in the field's own terms.

Names of the keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from agx.gguf.fields import Fields, check_experts, check_vocabulary
from agx.gguf.purpose import TEXT, Purpose, has_no_architecture, purpose_of
from agx.gguf.reader import Header, Tensor, read_header
from agx.gguf.shards import shards_of
from agx.gguf.template_traits import TemplateTraits, traits_of
from agx.util.frozen import dataclass

MAX_LAYERS = 512  # llama.cpp aborts above it
_LAYER = re.compile(r"blk\.(\d{1,3})\.")
_SPECIAL = "tokenizer.ggml.{}_token_id"
_MAX_TOKEN_ID = 2**32 - 1  # by which a file says that it has none
_SPECIAL_NAMES = (
    "bos", "eos", "eot", "eom", "unknown", "seperator", "padding", "cls", "mask", "prefix", "suffix",
    "middle", "fim_pre", "fim_suf", "fim_mid", "fim_pad", "fim_rep", "fim_sep",
)  # fmt: skip
_SAMPLING = "general.sampling."
_PARAMETER_NAMES = {
    "temp": "temperature",
    "penalty_repeat": "repeat_penalty",
    "penalty_last_n": "repeat_last_n",
}


@dataclass(frozen=True, slots=True)
class LayerShape:
    """What decides the memory of a token: the heads of keys and values, and their widths.

    `num_kv_heads` has a number for each layer, since layers of some models differ.
    """

    num_layers: int
    num_heads: int
    num_kv_heads: tuple[int, ...]
    key_width: int
    value_width: int


@dataclass(frozen=True, slots=True)
class WeightSizes:
    """The bytes of the weights by where they go: each layer, the input embedding, and the rest.

    `is_tied`: the file has no output projection, and uses its embedding in its place.
    """

    layers: tuple[int, ...] = ()
    input: int = 0
    others: int = 0
    is_tied: bool = False

    @property
    def total(self) -> int:
        """The bytes of all weights."""
        return sum(self.layers) + self.input + self.others


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a model's file says of it. None, an empty text or 0 stand for what is missing.

    `files` are the parts of the model in order, and `size_bytes` their sum; `quantisation` counts the
    weights by tensor type, the most frequent first. `context_length` is in tokens, `special_tokens` are
    ids by name, and `sampling` has the parameters that the model's makers recommend.
    """

    files: tuple[Path, ...]
    size_bytes: int
    architecture: str
    name: str
    size_label: str
    num_parameters: int
    quantisation: Mapping[str, int]
    weights: WeightSizes
    context_length: int
    embedding_length: int
    ffn_length: int
    layers: LayerShape
    num_experts: int
    num_experts_used: int
    sliding_window: int
    is_causal: bool
    is_recurrent: bool
    vocab_size: int
    tokenizer: str
    pre_tokenizer: str
    special_tokens: Mapping[str, int]
    chat_template: str | None = field(repr=False)
    template: TemplateTraits = field(default_factory=TemplateTraits)
    sampling: Mapping[str, float | str] = field(default_factory=dict)
    licence: str = ""
    source: str = ""
    planner_tools: str | None = None
    purpose: Purpose = TEXT

    @property
    def path(self) -> Path:
        """The file to load: the first part."""
        return self.files[0]

    @property
    def main_type(self) -> str:
        """The tensor type of most of the weights; empty for a file without weights."""
        return next(iter(self.quantisation), "")

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        traits = self.template
        return {
            "files": [str(path) for path in self.files],
            "purpose": self.purpose.kind,
            "size_bytes": self.size_bytes,
            "architecture": self.architecture,
            "name": self.name,
            "size_label": self.size_label,
            "num_parameters": self.num_parameters,
            "quantisation": dict(self.quantisation),
            "context_length": self.context_length,
            "embedding_length": self.embedding_length,
            "num_layers": self.layers.num_layers,
            "num_heads": self.layers.num_heads,
            "num_kv_heads": max(self.layers.num_kv_heads, default=0),
            "num_experts": self.num_experts,
            "num_experts_used": self.num_experts_used,
            "sliding_window": self.sliding_window,
            "is_causal": self.is_causal,
            "is_recurrent": self.is_recurrent,
            "vocab_size": self.vocab_size,
            "tokenizer": self.tokenizer,
            "pre_tokenizer": self.pre_tokenizer,
            "special_tokens": dict(self.special_tokens),
            "has_chat_template": self.chat_template is not None,
            "template": {"tools": traits.has_tools, "system": traits.has_system, "thinks": traits.thinks},
            "sampling": dict(self.sampling),
            "licence": self.licence,
            "source": self.source,
            "planner_tools": self.planner_tools,
        }


def read_card(path: Path | str) -> ModelCard:
    """Return a model's card, read from its file or from any part of a split one.

    Raises `ModelMissing`, also for a part, `ModelUnloadable` for a file that is not GGUF, and
    `GgufInvalid` with field and offset for a damaged one.
    """
    return card_of(shards_of(read_header(Path(path))))


def card_of(headers: Sequence[Header]) -> ModelCard:
    """Return the card of a model from the headers of its parts; raises `GgufInvalid` for damaged ones."""
    header = headers[0]
    fields = Fields(header)
    architecture = _architecture(fields)
    own = fields.of(architecture)
    vocab_size = check_vocabulary(fields, own)
    check_experts(own)
    tensors = [tensor for part in headers for tensor in part.tensors]
    num_by_type = Counter[str]()
    for tensor in tensors:
        num_by_type[tensor.type.name] += tensor.num_items
    template = fields.text("tokenizer.chat_template") or None
    return ModelCard(
        files=tuple(part.path for part in headers),
        size_bytes=sum(part.size_bytes for part in headers),
        architecture=architecture,
        name=fields.text("general.name") or fields.text("general.basename") or header.path.stem,
        size_label=fields.text("general.size_label"),
        num_parameters=num_by_type.total(),
        quantisation=dict(num_by_type.most_common()),
        weights=_weight_sizes(tensors),
        context_length=own.integer("context_length"),
        embedding_length=own.integer("embedding_length"),
        ffn_length=own.integer("feed_forward_length"),
        layers=_layers(own),
        num_experts=own.integer("expert_count"),
        num_experts_used=own.integer("expert_used_count"),
        sliding_window=own.integer("attention.sliding_window"),
        is_causal=own.flag("attention.causal", default=True),
        is_recurrent=own.has("ssm.state_size") or own.has("wkv.head_size") or own.has("shortconv.l_cache"),
        vocab_size=vocab_size,
        tokenizer=fields.text("tokenizer.ggml.model"),
        pre_tokenizer=fields.text("tokenizer.ggml.pre"),
        special_tokens=_special_tokens(fields, vocab_size),
        chat_template=template,
        template=traits_of(template),
        sampling=_sampling(fields),
        licence=fields.text("general.license") or fields.text("general.license.name"),
        source=_source(fields),
        planner_tools=fields.text("agx.planner.tools") or None,
        purpose=purpose_of(fields, architecture, [tensor.name for tensor in tensors]),
    )


def _architecture(fields: Fields) -> str:
    """Return `general.architecture`, or in older files the prefix of `.attention.head_count`."""
    named = fields.text("general.architecture")
    if named or has_no_architecture(fields):
        return named
    suffix = ".attention.head_count"
    found = [key.removesuffix(suffix) for key in fields.keys if key.endswith(suffix)]
    if len(found) != 1 or not found[0]:
        fields.fail("general.architecture", "is missing, and no other key tells the architecture")
    return found[0]


def _layers(own: Fields) -> LayerShape:
    num_layers = own.integer("block_count")
    if own.has("block_count") and not 1 <= num_layers <= MAX_LAYERS:
        own.fail("block_count", f"is {num_layers}; 1 to {MAX_LAYERS} layers are possible")
    heads = own.integers("attention.head_count", num_layers)
    kv_heads = own.integers("attention.head_count_kv", num_layers) or heads
    most_heads = own.integer("attention.head_count")
    width = own.integer("embedding_length") // most_heads if most_heads else 0
    return LayerShape(
        num_layers=num_layers,
        num_heads=most_heads,
        num_kv_heads=kv_heads,
        key_width=own.integer("attention.key_length") or width,
        value_width=own.integer("attention.value_length") or width,
    )


def _weight_sizes(tensors: Sequence[Tensor]) -> WeightSizes:
    """Return the bytes of the tensors by place; `blk.7.…` belongs to layer 7."""
    by_layer, others, inputs = Counter[int](), 0, 0
    for tensor in tensors:
        if match := _LAYER.match(tensor.name):
            by_layer[int(match[1])] += tensor.size_bytes
        elif tensor.name == "token_embd.weight":
            inputs += tensor.size_bytes
        else:
            others += tensor.size_bytes
    return WeightSizes(
        layers=tuple(by_layer[number] for number in range(max(by_layer, default=-1) + 1)),
        input=inputs,
        others=others,
        is_tied=inputs > 0 and all(tensor.name != "output.weight" for tensor in tensors),
    )


def _special_tokens(fields: Fields, vocab_size: int) -> dict[str, int]:
    """Return the ids by name, without those outside the vocabulary, as llama.cpp does."""
    named = ((name, _SPECIAL.format(name)) for name in _SPECIAL_NAMES)
    ids = {name: fields.integer(key, at_most=_MAX_TOKEN_ID) for name, key in named if fields.has(key)}
    return {name: number for name, number in ids.items() if number < (vocab_size or _MAX_TOKEN_ID)}


def _sampling(fields: Fields) -> dict[str, float | str]:
    """Return the recommended parameters, by AGX's names."""
    found: dict[str, float | str] = {}
    for key in fields.keys:
        value = fields.scalar(key)
        if not key.startswith(_SAMPLING) or value is None or isinstance(value, bool):
            continue
        if isinstance(value, str) or math.isfinite(value):
            name = key.removeprefix(_SAMPLING)
            found[_PARAMETER_NAMES.get(name, name)] = round(value, 6) if isinstance(value, float) else value
    return found


def _source(fields: Fields) -> str:
    keys = ("source.repo_url", "source.url", "repo_url", "url", "base_model.0.repo_url")
    return next((text for key in keys if (text := fields.text(f"general.{key}"))), "")
