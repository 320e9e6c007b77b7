"""Vocabularies to write into models: real ones, copied from their files while the tests run, and bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import gguf

from agx.gguf.reader import read_header
from tests.tiny_gguf import byte_alphabet

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "gguf-vocab"
_SPECIAL_IDS = "tokenizer.ggml.{}_token_id"

# Only the last message: the rules and the tools would make the prompts of tests long.
_CHATML = "<|im_start|>user\n{{ messages[-1].content }}<|im_end|>\n<|im_start|>assistant\n"
TEMPLATES = {
    "bytes": "<|user|>{{ messages[-1].content }}<|assistant|>",
    "gpt-2": "{{ messages[-1].content }}\n",
    "llama-spm": "{{ bos_token }}[INST] {{ messages[-1].content }} [/INST]",
    "phi-3": "<|user|>\n{{ messages[-1].content }}<|end|>\n<|assistant|>\n",
    "llama-bpe": "<|start_header_id|>user<|end_header_id|>\n\n{{ messages[-1].content }}<|eot_id|>",
    "qwen2": _CHATML,
}


@dataclass(frozen=True)
class Tokens:
    """A vocabulary as the metadata of a GGUF file."""

    model: str
    pre: str
    texts: Sequence[bytes] = field(repr=False)
    types: Sequence[int] = field(repr=False)
    merges: Sequence[str] = field(repr=False, default=())
    scores: Sequence[float] = field(repr=False, default=())
    special_ids: tuple[tuple[str, int], ...] = ()
    template: str = ""

    def __len__(self) -> int:
        return len(self.texts)

    def add_to(self, writer: gguf.GGUFWriter) -> None:
        writer.add_tokenizer_model(self.model)
        writer.add_tokenizer_pre(self.pre)
        writer.add_token_list(self.texts)
        writer.add_token_types(self.types)
        if self.merges:
            writer.add_token_merges(self.merges)
        if self.scores:
            writer.add_token_scores(self.scores)
        for name, number in self.special_ids:
            writer.add_uint32(_SPECIAL_IDS.format(name), number)
        writer.add_chat_template(self.template)


def is_there(name: str) -> bool:
    """Return whether a vocabulary can be had on this machine."""
    return name == "bytes" or file(name).exists()


@cache
def vocabulary(name: str) -> Tokens:
    """Return a real vocabulary by its file's name, or "bytes" for one of the 256 bytes."""
    return _bytes() if name == "bytes" else read_vocabulary(file(name), template=TEMPLATES[name])


def file(name: str) -> Path:
    """Return the path of a real vocabulary."""
    return FOLDER / f"ggml-vocab-{name}.gguf"


def read_vocabulary(path: Path, *, template: str) -> Tokens:
    """Copy the vocabulary of a GGUF file."""
    header = read_header(path)
    metadata = header.metadata
    ids = {kind: metadata.get(_SPECIAL_IDS.format(kind)) for kind in ("bos", "eos", "unknown", "padding")}
    return Tokens(
        model=str(metadata["tokenizer.ggml.model"]),
        pre=str(metadata["tokenizer.ggml.pre"]),
        texts=header.strings("tokenizer.ggml.tokens"),
        types=[int(number) for number in header.numbers("tokenizer.ggml.token_type")],
        merges=[text.decode() for text in header.strings("tokenizer.ggml.merges")],
        scores=[float(number) for number in header.numbers("tokenizer.ggml.scores")],
        special_ids=tuple((kind, number) for kind, number in ids.items() if isinstance(number, int)),
        template=template,
    )


def _bytes() -> Tokens:
    texts = [*byte_alphabet(), "<|end|>", "<|user|>", "<|assistant|>"]
    normal, control = gguf.TokenType.NORMAL, gguf.TokenType.CONTROL
    return Tokens(
        model="gpt2",
        pre="gpt-2",
        texts=[text.encode() for text in texts],
        types=[normal if len(text) == 1 else control for text in texts],
        merges=("\u0120 \u0120",),  # makes no token; llama.cpp refuses an empty list
        special_ids=(("bos", 256), ("eos", 256)),
        template=TEMPLATES["bytes"],
    )
