"""llguidance's view of a llama.cpp vocabulary."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from agx.grammar.library import LLTokenizer

# llguidance's slices speed masks up for large vocabularies; for a small one they only cost time.
_SMALL_VOCABULARY = 32_768
# How llguidance is told that a token is special and never part of a text.
_SPECIAL = b"\xff"


def constraint_tokenizer(
    pieces: Sequence[bytes],
    *,
    control_ids: Collection[int],
    end_ids: Collection[int],
    vocabulary_address: int,
    tokenise_address: int,
) -> LLTokenizer:
    """Build the tokenizer that constraints are compiled for; slow for large vocabularies, so keep it.

    Args:
        pieces: the bytes of each token, by id.
        control_ids: the tokens that no text spells.
        end_ids: the tokens that end a generation, at least one.
        vocabulary_address: a `llama_vocab *`, which has to outlive the result.
        tokenise_address: the function `llama_tokenize`.
    """
    tokens = [_SPECIAL + piece if token in control_ids else piece for token, piece in enumerate(pieces)]
    return LLTokenizer.from_llamacpp(  # type: ignore[attr-defined, no-any-return]
        tokens=tokens,
        vocab_ptr=vocabulary_address,
        tokenize_fptr=tokenise_address,
        eos_token=sorted(end_ids),
        slices=[] if len(tokens) <= _SMALL_VOCABULARY else None,
    )
