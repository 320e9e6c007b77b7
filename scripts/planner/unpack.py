"""Read the tokenizer and the weights of a planner's GGUF file, as the reverse of `export`.

    python -m scripts.planner.unpack MODEL.gguf TOKENIZER.json

writes the tokenizer; `scripts.planner.train --init MODEL.gguf` with that tokenizer trains on from
the weights.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import gguf
import torch
from tokenizers import AddedToken, Tokenizer, models

from scripts.planner.sequences import SPECIAL_TOKENS
from scripts.planner.tensor_names import tensor_name
from scripts.planner.tokenizer import with_byte_level

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor


def read_tokenizer(path: Path) -> Tokenizer:
    """Make the tokenizer that a planner's file was exported with."""
    reader = gguf.GGUFReader(path)
    tokens = _strings(reader, gguf.Keys.Tokenizer.LIST)
    pairs = (merge.partition(" ") for merge in _strings(reader, gguf.Keys.Tokenizer.MERGES))
    merges = [(first, second) for first, _space, second in pairs]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = with_byte_level(Tokenizer(models.BPE(vocab=vocabulary, merges=merges)))
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS]
    )
    return tokenizer


def read_weights(path: Path, names: Iterable[str]) -> dict[str, Tensor]:
    """Read the weights of a planner's file by the model's own names; raises `KeyError` for one it lacks."""
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    found = {name: tensors[tensor_name(name)] for name in names}
    return {
        name: torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type).copy())
        for name, tensor in found.items()
    }


def _strings(reader: gguf.GGUFReader, key: str) -> list[str]:
    field = reader.get_field(key)
    if field is None:
        raise ValueError(f"the file has no {key}")
    return [str(item) for item in field.contents()]


def main(arguments: list[str] | None = None) -> None:
    """Write the tokenizer of a planner's file."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("model", type=Path, help="the planner's GGUF file")
    parser.add_argument("out", type=Path, help="the tokenizer's JSON file")
    options = parser.parse_args(arguments)
    tokenizer = read_tokenizer(options.model)
    tokenizer.save(str(options.out))
    print(f"{options.out}: {tokenizer.get_vocab_size()} tokens")


if __name__ == "__main__":
    main()
