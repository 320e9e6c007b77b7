"""Text to tokens and back, for the vocabulary of one model."""

from __future__ import annotations

import ctypes
import operator
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from agx.engine.native import lib
from agx.engine.token_texts import TokenTexts
from agx.errors import ModelUnloadable
from agx.util.byte_strings import ByteStrings

_PIECE_ROOM_BYTES = 1 << 16
_PRINTABLE = range(0x20, 0x7F)
_EVERY_BYTE = range(0x100)
_NO_TOKEN = -1
_CONTROL = lib.LLAMA_TOKEN_ATTR_CONTROL | lib.LLAMA_TOKEN_ATTR_UNKNOWN
_SPECIAL = _CONTROL | lib.LLAMA_TOKEN_ATTR_USER_DEFINED
# One in so many of the expected pieces is compared with the model.
_SAMPLED = 61


class Vocabulary(TokenTexts):
    """The vocabulary of a loaded model, as tables, and llama.cpp's tokenizer.

    `expected` are the pieces by the file's header. Where a sample agrees with the model they are used,
    which saves reading the pieces one by one.

    Raises `ModelUnloadable` for a vocabulary that cannot write a plan.
    """

    def __init__(self, model_address: int, *, expected: ByteStrings | None = None) -> None:
        self.address: int = lib.llama_model_get_vocab(model_address)
        self._check_kind()
        size = lib.llama_vocab_n_tokens(self.address)
        kinds = self._read_kinds(size)
        if expected is not None and len(expected) == size and self._agrees(expected, odd=kinds):
            self.pieces = expected
        else:
            self.pieces = ByteStrings(self._read_pieces(range(size)))
        special = [token for token, attributes in kinds.items() if attributes & _SPECIAL]
        self.eos: int = lib.llama_vocab_eos(self.address)
        end_ids = self._end_ids(special)
        self._check_writes()
        bos = lib.llama_vocab_bos(self.address)
        self.bos_text = self._text_of(bos)
        self.eos_text = self._text_of(self.eos)
        super().__init__(
            self.pieces,
            control_ids={token for token in special if kinds[token] & _CONTROL} | end_ids,
            end_ids=end_ids,
            special_texts=[self._text_of(token) for token in special],
            added_bos=bos if lib.llama_vocab_get_add_bos(self.address) else None,
        )

    def _check_kind(self) -> None:
        if lib.llama_vocab_type(self.address) == lib.LLAMA_VOCAB_TYPE_NONE:
            raise ModelUnloadable(
                "the model's file has no vocabulary", hint="use a file that was made with its tokenizer"
            )

    def _check_writes(self) -> None:
        """Refuse a vocabulary that lacks a token for a character of JSON.

        llama.cpp ends the process where SentencePiece finds no token for a byte of a text.
        """
        is_spm = lib.llama_vocab_type(self.address) == lib.LLAMA_VOCAB_TYPE_SPM
        alone = {piece[0] for piece in self.pieces if len(piece) == 1}
        missing = {*(_EVERY_BYTE if is_spm else _PRINTABLE)} - alone
        if missing:
            raise ModelUnloadable(
                f"the model's vocabulary has no token for {chr(min(missing))!r} alone: it cannot write plans",
                hint="use a model that generates text; those for embeddings often have such a vocabulary",
            )

    def _read_kinds(self, size: int) -> dict[int, int]:
        """Return the attributes of the tokens that are not plain text."""
        attributes = map(partial(lib.llama_vocab_get_attr, self.address), range(size))
        return {token: each for token, each in enumerate(attributes) if each != lib.LLAMA_TOKEN_ATTR_NORMAL}

    def _agrees(self, expected: Sequence[bytes], *, odd: Iterable[int]) -> bool:
        """Return whether the loaded model agrees: in the special tokens, and in a sample of the others."""
        compared = [*odd, *range(0, len(expected), _SAMPLED)]
        return all(map(operator.eq, self._read_pieces(compared), (expected[token] for token in compared)))

    def _end_ids(self, special: Iterable[int]) -> set[int]:
        """Return the tokens that end a generation: special ones, or else any that the file names.

        Where the file names none, llama.cpp takes token 11, which is often a comma.
        """
        named = {self.eos, lib.llama_vocab_eot(self.address)} - {_NO_TOKEN}
        found = {token for token in special if lib.llama_vocab_is_eog(self.address, token)}
        found = found or {token for token in named if len(self.pieces[token].strip()) != 1}
        if not found:
            raise ModelUnloadable(
                "the model's vocabulary has no token that ends a text", hint="convert the model again"
            )
        return found

    def _read_pieces(self, tokens: Iterable[int]) -> Iterator[bytes]:
        """Yield the bytes of each of these tokens."""
        to_piece, keep_spaces, show_special = lib.llama_token_to_piece, 0, True
        buffer = ctypes.create_string_buffer(_PIECE_ROOM_BYTES)
        for token in tokens:
            length = to_piece(self.address, token, buffer, len(buffer), keep_spaces, show_special)
            yield ctypes.string_at(buffer, max(length, 0))

    def _text_of(self, token: int) -> str:
        return self.pieces[token].decode("utf-8", errors="replace") if token >= 0 else ""

    def _encode(self, text: str, *, parse_special: bool) -> list[int]:
        data = text.encode("utf-8", errors="replace")
        room, add_special = len(data) + 16, False
        buffer = (lib.llama_token * room)()
        count: int = lib.llama_tokenize(
            self.address, data, len(data), buffer, room, add_special, parse_special
        )
        assert 0 <= count <= room, "a token has at least one byte"
        return list(buffer[:count])
