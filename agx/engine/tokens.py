"""Text to tokens and back, for the vocabulary of one model."""

from __future__ import annotations

import codecs
import ctypes
import re
from collections.abc import Iterable

from agx.engine.native import lib
from agx.errors import PromptTooLong, UsageError

_PIECE_ROOM_BYTES = 1 << 16
_PRIVATE_USE = range(0xE000, 0xF900)


class Vocabulary:
    """The vocabulary of a loaded model, as tables.

    `pieces` are the bytes of each token, `control_ids` the tokens that no text spells, and
    `end_ids` those of them that end a generation.
    """

    def __init__(self, model_address: int) -> None:
        self.address: int = lib.llama_model_get_vocab(model_address)
        self.pieces: list[bytes] = []
        self.control_ids: set[int] = set()
        self.end_ids: set[int] = set()
        special_texts: set[str] = set()
        control = lib.LLAMA_TOKEN_ATTR_CONTROL | lib.LLAMA_TOKEN_ATTR_UNKNOWN
        for token, attributes in enumerate(self._read_pieces()):
            if attributes & control:
                self.control_ids.add(token)
            if attributes & (control | lib.LLAMA_TOKEN_ATTR_USER_DEFINED):
                special_texts.add(self.pieces[token].decode("utf-8", errors="replace"))
                if lib.llama_vocab_is_eog(self.address, token):
                    self.end_ids.add(token)
        self._spelled = _spelled_pattern(special_texts)
        self._longest_piece = max(map(len, self.pieces), default=1)
        bos = lib.llama_vocab_bos(self.address)
        self.eos: int = lib.llama_vocab_eos(self.address)
        self._added_bos: int | None = bos if lib.llama_vocab_get_add_bos(self.address) else None
        self.bos_text = self._text_of(bos)
        self.eos_text = self._text_of(self.eos)

    def __len__(self) -> int:
        return len(self.pieces)

    def _read_pieces(self) -> Iterable[int]:
        """Fill `pieces`, and give each token's attributes."""
        to_piece, attributes = lib.llama_token_to_piece, lib.llama_vocab_get_attr
        buffer, keep_spaces, show_special = ctypes.create_string_buffer(_PIECE_ROOM_BYTES), 0, True
        for token in range(lib.llama_vocab_n_tokens(self.address)):
            length = to_piece(self.address, token, buffer, len(buffer), keep_spaces, show_special)
            self.pieces.append(ctypes.string_at(buffer, max(length, 0)))
            yield attributes(self.address, token)

    def _text_of(self, token: int) -> str:
        return self.pieces[token].decode("utf-8", errors="replace") if token >= 0 else ""

    def tokenise_prompt(self, prompt: str, *, broken_by: str, at_most: int) -> list[int]:
        """Give a rendered prompt's tokens: special tokens where the template wrote them, and only there.

        `broken_by` is the mark that `defused` put into what users wrote. Raises `PromptTooLong` for a
        text that has more than `at_most` tokens by its length alone, before any of them is counted.
        """
        data = prompt.encode("utf-8", errors="replace")
        least = len(data) // self._longest_piece
        if least > at_most:
            raise PromptTooLong(
                f"the prompt has {least:,} tokens at the very least, and the context {at_most:,}",
                hint="use a shorter instruction or a model with a larger context",
                prompt_tokens_at_least=least,
                context_length=at_most,
            )
        tokens: list[int] = []
        for part in prompt.split(broken_by):
            tokens += self.tokenise(part, parse_special=True)
        # A template may write the first token itself.
        if self._added_bos is not None and tokens[:1] != [self._added_bos]:
            tokens.insert(0, self._added_bos)
        return tokens

    def tokenise(self, text: str, *, parse_special: bool) -> list[int]:
        """Give the tokens of a text and none that are not in it."""
        data = text.encode("utf-8", errors="replace")
        room, add_special = len(data) + 16, False
        tokens = (lib.llama_token * room)()
        count: int = lib.llama_tokenize(
            self.address, data, len(data), tokens, room, add_special, parse_special
        )
        assert 0 <= count <= room, "a token has at least one byte"
        return list(tokens[:count])

    def defused(self, contents: Iterable[str]) -> tuple[list[str], str]:
        """Break up every special token that these texts spell, and give the mark that breaks them.

        `<|end|>` in a message becomes `<`, mark, `|end|>`. A template may then trim, split or repeat
        the message: what is split at the marks afterwards holds no special token of the message's.
        Raises `UsageError` for texts that leave no mark to use.
        """
        texts = list(contents)
        mark = _unused_mark(texts)
        if self._spelled is None:
            return texts, mark
        return [self._spelled.sub(lambda match: match[0] + mark, text) for text in texts], mark

    def decoder(self) -> TextDecoder:
        """Give a decoder for one generation."""
        return TextDecoder(self)


class TextDecoder:
    """Tokens to text, piece by piece: a character is given as soon as its last byte is there."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._pieces = vocabulary.pieces
        self._control_ids = vocabulary.control_ids
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def decode(self, tokens: Iterable[int], *, is_final: bool = False) -> str:
        """Give the text that these tokens complete; `is_final` gives half a character as U+FFFD."""
        data = b"".join(self._pieces[token] for token in tokens if token not in self._control_ids)
        return self._decoder.decode(data, is_final)


def _unused_mark(texts: Iterable[str]) -> str:
    """Give a character that stands in none of these texts and means nothing."""
    first = chr(_PRIVATE_USE.start)
    if not any(first in text for text in texts):  # nearly always, and much faster than what follows
        return first
    used = set().union(*texts)
    for mark in map(chr, _PRIVATE_USE):
        if mark not in used:
            return mark
    raise UsageError(
        "the messages use every character of Unicode's private area", hint="leave one of U+E000 to U+F8FF out"
    )


def _spelled_pattern(special_texts: Iterable[str]) -> re.Pattern[str] | None:
    """Match the first character of every special token that stands in a text, overlapping ones as well.

    Tokens of one character or of white space only (some vocabularies have them for indentation) mean
    nothing but their text.
    """
    spelled = sorted(text for text in special_texts if len(text) > 1 and text.strip())
    if not spelled:
        return None
    return re.compile("|".join(f"{re.escape(text[0])}(?={re.escape(text[1:])})" for text in spelled))
