"""What a GGUF file is for: many are no language models, but parts of one, or models of another kind.

Sources: `general.type` and `adapter.type` of https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, and
the names of architectures in llama.cpp (`src/llama-arch.cpp`), its tools (`clip`, `controlvector`,
`imatrix`) and programs for pictures (stable-diffusion.cpp, ComfyUI-GGUF).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from agx.errors import ModelUnloadable
from agx.gguf.fields import Fields
from agx.util.frozen import dataclass

_ANOTHER = "plan with a language model, such as one of `agx models list --catalog`"
_OF_A_MODEL = "plan with the model that it belongs to"


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a file is for: a word, the words for people, and what to plan with in its place."""

    kind: str
    text: str = ""
    hint: str = ""

    @property
    def is_text(self) -> bool:
        """Whether it is a language model, which may write plans."""
        return self.kind == _TEXT


_TEXT = "text"
TEXT = Purpose(_TEXT)
CONTROL = Purpose("control-vector", "a control vector, which steers a model and is none itself", _OF_A_MODEL)
IMATRIX = Purpose("imatrix", "an importance matrix, with which models are quantised", _OF_A_MODEL)
PROJECTOR = Purpose("projector", "a projector, through which a model sees or hears", _OF_A_MODEL)
DRAFT_HEAD = Purpose("draft-head", "a draft head, which guesses tokens ahead of another model", _OF_A_MODEL)
ENCODER = Purpose(
    "encoder", "a model for embeddings or translation, which writes no text by itself", _ANOTHER
)
RERANKER = Purpose("reranker", "a reranker or classifier, which gives scores in place of text", _ANOTHER)
DIFFUSION = Purpose("diffusion", "a diffusion language model, which does not write token by token", _ANOTHER)
SPEECH = Purpose("speech", "a model for speech", _ANOTHER)
PICTURES = Purpose("pictures", "a model for pictures or videos", _ANOTHER)
VOCABULARY = Purpose("vocabulary", "a vocabulary without weights", _ANOTHER)

_BY_TYPE = {"imatrix": IMATRIX, "mmproj": PROJECTOR, "clip-vision": PROJECTOR}
_BY_ARCHITECTURE = {
    "clip": PROJECTOR,
    "controlvector": CONTROL,
    "imatrix": IMATRIX,
    **dict.fromkeys(("t5", "t5encoder", "t5-encoder"), ENCODER),
    **dict.fromkeys(("dream", "llada", "llada-moe", "rnd1"), DIFFUSION),
    **dict.fromkeys(("wavtokenizer-dec", "qwen3tts", "pockettts", "whisper"), SPEECH),
    **dict.fromkeys(
        ("flux", "sd1", "sdxl", "sd3", "aura", "hidream", "cosmos", "ltxv", "hyvid", "wan", "lumina2",
         "qwen_image", "pig"),
        PICTURES,
    ),
}  # fmt: skip
_DRAFT_HEAD = re.compile(r"eagle\d*|dflash|medusa|.*[-_](?:mtp|assistant|eagle\d*|dflash)")
_LAYER = re.compile(r"blk\.(\d+)\.")
_RANKS = 4  # of llama.cpp's `enum llama_pooling_type`: 0 none, 1 mean, 2 first, 3 last, 4 rank


def purpose_of(fields: Fields, architecture: str, tensor_names: Iterable[str]) -> Purpose:
    """Return what a file is for, by its metadata and the names of its tensors."""
    kind = _lowered(fields, "general.type")
    if kind == "adapter" or fields.has("adapter.type"):
        return _adapter(fields)
    if known := _BY_TYPE.get(kind) or _BY_ARCHITECTURE.get(architecture):
        return known
    own, names = fields.of(architecture), list(tensor_names)
    if _DRAFT_HEAD.fullmatch(architecture) or _has_only_next_layers(own, names):
        return DRAFT_HEAD
    if "cls.output.weight" in names or own.integer("pooling_type") == _RANKS:
        return RERANKER
    if own.integer("pooling_type") or not own.flag("attention.causal", default=True):
        return ENCODER
    return TEXT if names or not fields.has("tokenizer.ggml.tokens") else VOCABULARY


def check_purpose(path: Path, purpose: Purpose) -> None:
    """Raise `ModelUnloadable` for a file that is no language model."""
    if not purpose.is_text:
        raise ModelUnloadable(
            f"{path} is no model to plan with, but {purpose.text}",
            hint=purpose.hint,
            path=str(path),
            purpose=purpose.kind,
        )


def check_embeds(path: Path, purpose: Purpose) -> None:
    """Raise `ModelUnloadable` for a file that makes no embeddings: no encoder and no language model."""
    if purpose != ENCODER:
        check_purpose(path, purpose)


def has_no_architecture(fields: Fields) -> bool:
    """Whether a file of this type has no architecture: an importance matrix is of any model."""
    return _lowered(fields, "general.type") == "imatrix"


def _lowered(fields: Fields, key: str) -> str:
    """Return a text in small letters; a value of another type counts as missing."""
    value = fields.scalar(key)
    return value.lower() if isinstance(value, str) else ""


def _adapter(fields: Fields) -> Purpose:
    kind = _lowered(fields, "adapter.type") or "lora"
    name = "a LoRA adapter" if kind == "lora" else f"an adapter ({kind[:40]})"
    base = fields.scalar("general.base_model.0.name")
    of = f" for {base[:80]}" if isinstance(base, str) and base else ""
    return Purpose(
        "adapter",
        f"{name}{of}, which changes a model and is none itself",
        "plan with a model into which it was merged (llama-export-lora merges it)",
    )


def _has_only_next_layers(own: Fields, names: Iterable[str]) -> bool:
    """Whether of all layers there are only those that predict further tokens, which are the last ones."""
    num_next = own.integer("nextn_predict_layers")
    layers = {int(match[1]) for name in names if (match := _LAYER.match(name))}
    return num_next > 0 and bool(layers) and min(layers) >= max(1, own.integer("block_count") - num_next)
