"""The planner's byte-level BPE: names are spelled alike in an instruction and in a plan.

No merge crosses the border between letters, digits, punctuation and white space, digits and
white space never merge at all, and so a name has the same tokens wherever it stands: copying
it is the identity. For the same reason the tokens do not depend on whether a space is split
off before a word or after it, and llama.cpp's `gpt-2` pre-tokenizer yields the same ids. Its
one other rule, the English contractions, is in `ENCODE_PATTERN`.

    python -m scripts.planner.tokenizer DATA OUT.json --size 4096
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from scripts.planner.sequences import SPECIAL_TOKENS, plan_text
from scripts.planner.sources import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TRAIN_PATTERN = r"\p{L}+|\p{N}|[^\s\p{L}\p{N}]+|\s"
# llama.cpp takes `'s` and the like off where its matching stands right before the apostrophe:
# at the start, after a letter or digit, and after white space other than the one space that an
# apostrophe takes with it.
ENCODE_PATTERN = r"(?:\A|(?<=[\p{L}\p{N}])|(?<=[^\S ]))'(?:s|t|re|ve|m|ll|d)|" + TRAIN_PATTERN


def train_tokenizer(texts: Iterable[str], size: int) -> Tokenizer:
    """Train a tokenizer of `size` tokens, special tokens and all 256 bytes included."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _pre_tokenizer(TRAIN_PATTERN)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return with_byte_level(tokenizer)


def with_byte_level(tokenizer: Tokenizer) -> Tokenizer:
    """Return the tokenizer with what surrounds its model when it encodes and decodes."""
    tokenizer.pre_tokenizer = _pre_tokenizer(ENCODE_PATTERN)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def special_id(tokenizer: Tokenizer, token: str) -> int:
    """Return the id of a special token; raises `ValueError` where the tokenizer lacks it."""
    number = tokenizer.token_to_id(token)
    if number is None:
        raise ValueError(f"the tokenizer has no token {token}")
    return int(number)


def load_tokenizer(path: Path) -> Tokenizer:
    """Load a tokenizer; text that looks like a special token stays text."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.encode_special_tokens = True
    return tokenizer


def corpus(rows_path: Path) -> Iterator[str]:
    """Yield the texts that the merges are learnt from: instructions and plans."""
    for row in read_lines(rows_path):
        yield row["nl"]
        yield plan_text(row["tasks"])


def _pre_tokenizer(pattern: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def main(arguments: list[str] | None = None) -> None:
    """Train on DATA/train.jsonl and write the tokenizer."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("data", type=Path, help="folder with train.jsonl")
    parser.add_argument("out", type=Path, help="the tokenizer's JSON file")
    parser.add_argument("--size", type=int, default=4096)
    options = parser.parse_args(arguments)
    tokenizer = train_tokenizer(corpus(options.data / "train.jsonl"), options.size)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(options.out))
    print(f"{options.out}: {tokenizer.get_vocab_size()} tokens")


if __name__ == "__main__":
    main()
