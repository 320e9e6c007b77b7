"""The tokens of a vocabulary by a file's header alone, as llama.cpp will have them after the load.

This is for work that begins before the load ends. llama.cpp corrects some vocabularies by the texts of
their tokens, in ways that change between versions: compare with the loaded model before relying on it.

Source: `llama_vocab::impl::load` and `token_to_piece` in
https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import field

from agx.gguf.reader import Header
from agx.util.byte_strings import ByteStrings
from agx.util.frozen import dataclass

# `llama_token_type`
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _BYTE = 1, 2, 3, 4, 6
_END_KEYS = tuple(f"tokenizer.ggml.{name}_token_id" for name in ("eos", "eot", "eom"))
# Tokens with these texts end a generation, whatever their type.
_END_TEXTS = frozenset(
    "<|eot_id|> <|im_end|> <|end|> <|return|> <|call|> <|flush|> <|calls|> <end_of_turn> <|endoftext|> </s> "
    "<|eom_id|> <EOT> _<EOT> [EOT] [EOS] <|end_of_text|> <end_of_utterance> <eos> <turn|> <|tool_response> "
    "<\uff5cend\u2581of\u2581sentence\uff5c> [e~[ <|fim_pad|> <|repo_name|> <|file_sep|>".encode().split()
)
_SPACE = "▁".encode()

_Pieces = Callable[[Sequence[bytes]], list[bytes]]


@dataclass(frozen=True, slots=True)
class TokenTable:
    """The bytes of each token, the tokens that no text spells, and those of them that end a generation."""

    pieces: ByteStrings = field(repr=False)
    control_ids: set[int]
    end_ids: set[int]


def read_tokens(header: Header) -> TokenTable | None:
    """Return the tokens; None for unknown kinds of tokenizers, and for odd vocabularies.

    Raises `GgufInvalid` where the lists are damaged.
    """
    normal_pieces = NORMAL_PIECES.get(str(header.metadata.get("tokenizer.ggml.model")))
    texts = header.strings("tokenizer.ggml.tokens")
    types = header.numbers("tokenizer.ggml.token_type") or (_NORMAL,) * len(texts)
    if normal_pieces is None or len(types) != len(texts) or b"" in texts:
        return None
    try:
        pieces = _pieces(texts, types, normal_pieces)
    except ValueError:  # not a text of this kind of tokenizer
        return None
    named = {
        id_ for key in _END_KEYS if isinstance(id_ := header.metadata.get(key), int) and id_ < len(texts)
    }
    control_ids = {token for token, kind in enumerate(types) if kind in {_CONTROL, _UNKNOWN}}
    special_ids = {token for token in named if types[token] in {_CONTROL, _UNKNOWN, _USER_DEFINED}}
    end_ids = {token for token, text in enumerate(texts) if text in _END_TEXTS} | special_ids or named
    if not end_ids:
        return None
    return TokenTable(ByteStrings(pieces), control_ids=control_ids | end_ids, end_ids=end_ids)


def _pieces(texts: Sequence[bytes], types: Sequence[float], normal_pieces: _Pieces) -> list[bytes]:
    """Return each token's bytes; most are texts in the tokenizer's own alphabet."""
    normal = iter(normal_pieces([text for text, kind in zip(texts, types, strict=True) if kind == _NORMAL]))
    return [
        next(normal) if kind == _NORMAL else _other_piece(text, kind)
        for text, kind in zip(texts, types, strict=True)
    ]


def _other_piece(text: bytes, kind: float) -> bytes:
    if kind in {_CONTROL, _UNKNOWN, _USER_DEFINED}:
        return text
    if kind == _BYTE:  # "<0x0A>"
        return bytes([int(text[3:5], 16)])
    return b""


def _byte_level_pieces(texts: Sequence[bytes]) -> list[bytes]:
    """Return the bytes of texts in GPT-2's alphabet, which has a printable character for each byte."""
    lines = b"\n".join(texts).decode().split("\n")
    text = "".join(lines)
    if len(lines) != len(texts) or _NUL in text:
        raise ValueError("a token holds a character that is not in the alphabet")
    data, _ = codecs.charmap_encode(text.replace(_ZERO, _NUL), "strict", _ALPHABET)
    pieces, start = [], 0
    for line in lines:
        stop = start + len(line)
        pieces.append(data[start:stop])
        start = stop
    return pieces


def _spaced_pieces(texts: Sequence[bytes]) -> list[bytes]:
    """Return the bytes of SentencePiece's texts, in which ▁ stands for a space."""
    return [text.replace(_SPACE, b" ") for text in texts]


def _byte_alphabet() -> str:
    """Return the character that stands for each byte.

    Source: `bytes_to_unicode` of https://github.com/openai/gpt-2/blob/master/src/encoder.py
    """
    plain = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = map(chr, range(256, 512))
    return "".join(chr(byte) if byte in plain else next(others) for byte in range(256))


_ZERO, _NUL = _byte_alphabet()[0], "\0"
# The fast kind of map, which a zero character has to begin.
_ALPHABET = codecs.charmap_build(_NUL + _byte_alphabet()[1:])
NORMAL_PIECES: dict[str, _Pieces] = {"gpt2": _byte_level_pieces, "llama": _spaced_pieces}
