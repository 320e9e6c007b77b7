"""Text to tokens and back, for the vocabulary of one model."""

from __future__ import annotations

import codecs
import ctypes
import operator
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial

from agx.engine.native import lib
from agx.errors import ModelUnloadable, PromptTooLong, UsageError
from agx.util.byte_strings import ByteStrings

_PIECE_ROOM_BYTES = 1 << 16
_PRIVATE_USE = range(0xE000, 0xF900)
_PRINTABLE = range(0x20, 0x7F)
_EVERY_BYTE = range(0x100)
_NO_TOKEN = -1
_CONTROL = lib.LLAMA_TOKEN_ATTR_CONTROL | lib.LLAMA_TOKEN_ATTR_UNKNOWN
_SPECIAL = _CONTROL | lib.LLAMA_TOKEN_ATTR_USER_DEFINED
# One in so many of the expected pieces is compared with the model.
_SAMPLED = 61
# A character that occurs in no text and begins no token of several characters.
_LEAD = "\x01"


class Vocabulary:
    """The vocabulary of a loaded model, as tables.

    `pieces` are the bytes of each token, `control_ids` the tokens that no text spells, and `end_ids` those
    of them that end a generation, at least one. `expected` are the pieces by the file's header. Where a
    sample agrees with the model they are used, which saves reading the pieces one by one.

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
        self.end_ids = self._end_ids(special)
        self.control_ids = {token for token in special if kinds[token] & _CONTROL} | self.end_ids
        self._special_texts = _spelled(self._text_of(token) for token in special)
        self._special_starts = _any_character({text[0] for text in self._special_texts})
        self._longest_piece = max(map(len, self.pieces))
        self._check_writes()
        bos = lib.llama_vocab_bos(self.address)
        self._added_bos: int | None = bos if lib.llama_vocab_get_add_bos(self.address) else None
        self.bos_text = self._text_of(bos)
        self.eos_text = self._text_of(self.eos)
        # Some tokenizers put a space before every text; a text that goes on is tokenised behind this one.
        self._lead = _LEAD if self._adds_space() else ""
        self._lead_tokens = self.tokenise(self._lead, parse_special=False)

    def __len__(self) -> int:
        return len(self.pieces)

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

    def _adds_space(self) -> bool:
        return self._text_of_all(self.tokenise("a", parse_special=False)) != b"a"

    def _text_of_all(self, tokens: Iterable[int]) -> bytes:
        return b"".join(self.pieces[token] for token in tokens)

    def _text_of(self, token: int) -> str:
        return self.pieces[token].decode("utf-8", errors="replace") if token >= 0 else ""

    def tokenise_prompt(self, prompt: str, *, broken_by: str, at_most: int) -> list[int]:
        """Return the tokens of a rendered prompt, with special tokens only where the template wrote them.

        `broken_by` is the mark that `defused` put into the text of users. Raises `PromptTooLong`, before
        anything is tokenised, for a text whose length alone means more than `at_most` tokens.
        """
        data = prompt.encode("utf-8", errors="replace")
        least = len(data) // self._longest_piece
        if least > at_most:
            raise PromptTooLong(
                f"the prompt has {least:,} tokens at the very least, and the context {at_most:,}",
                hint="use a shorter instruction or a larger context (--context-size)",
                prompt_tokens_at_least=least,
                context_length=at_most,
            )
        tokens: list[int] = []
        for number, part in enumerate(prompt.split(broken_by)):
            tokens += self.tokenise(part, parse_special=True, goes_on=number > 0)
        # A template may write the first token itself.
        if self._added_bos is not None and tokens[:1] != [self._added_bos]:
            tokens.insert(0, self._added_bos)
        return tokens

    def tokenise(self, text: str, *, parse_special: bool, goes_on: bool = False) -> list[int]:
        """Return the tokens of a text, without any that a tokenizer adds.

        With `goes_on` the text continues another one, so no space is put in front of it.
        """
        if goes_on and self._lead:
            tokens = self.tokenise(self._lead + text, parse_special=parse_special)
            lead, rest = tokens[: len(self._lead_tokens)], tokens[len(self._lead_tokens) :]
            if lead == self._lead_tokens:
                return rest
        data = text.encode("utf-8", errors="replace")
        room, add_special = len(data) + 16, False
        buffer = (lib.llama_token * room)()
        count: int = lib.llama_tokenize(
            self.address, data, len(data), buffer, room, add_special, parse_special
        )
        assert 0 <= count <= room, "a token has at least one byte"
        return list(buffer[:count])

    def tokenise_exactly(self, text: str) -> list[int]:
        """Return tokens of a text that goes on, whose pieces are the text, byte for byte.

        Tokenizers that write ▁ for a space cannot spell that character, and put spaces behind added
        tokens. There the text is made of its longest pieces instead.
        """
        data = text.encode("utf-8", errors="replace")
        tokens = self.tokenise(text, parse_special=False, goes_on=True)
        return tokens if self._text_of_all(tokens) == data else self._longest_pieces(data)

    def _longest_pieces(self, data: bytes) -> list[int]:
        """Return tokens of these bytes, each the longest that fits; bytes without a token are left out."""
        tokens: list[int] = []
        start = 0
        while start < len(data):
            stops = range(min(len(data), start + self._longest_piece), start, -1)
            stop = next((stop for stop in stops if data[start:stop] in self._by_piece), None)
            if stop is not None:
                tokens.append(self._by_piece[data[start:stop]])
            start = stop or start + 1
        return tokens

    @cached_property
    def _by_piece(self) -> dict[bytes, int]:
        """The text tokens by their bytes; of several with the same bytes, the last."""
        return {piece: token for token, piece in enumerate(self.pieces) if token not in self.control_ids}

    def defused(self, contents: Iterable[str]) -> tuple[list[str], str]:
        """Return the texts with every special token in them broken up, and the mark that breaks them.

        `<|end|>` in a message becomes `<`, mark, `|end|>`. A template may then trim, split or repeat the
        message; once the prompt is split at the marks, it has no special token from the message. Raises
        `UsageError` for texts that leave no character for the mark.
        """
        texts = list(contents)
        mark = _unused_mark(texts)
        return [self._broken(text, mark) for text in texts], mark

    def _broken(self, text: str, mark: str) -> str:
        """Return the text with the mark behind the first character of every special token."""
        if self._special_starts is None:
            return text

        def broken(match: re.Match[str]) -> str:
            is_special = text.startswith(self._special_texts, match.start())
            return match[0] + mark if is_special else match[0]

        return self._special_starts.sub(broken, text)

    def decoder(self, *, shows_control: bool = False) -> TextDecoder:
        """Return a decoder for one generation."""
        return TextDecoder(self, shows_control=shows_control)


class TextDecoder:
    """Tokens to text, piece by piece: a character comes out with its last byte.

    Control tokens are left out. With `shows_control` those that end nothing are text as well: some models
    mark their tool calls by them.
    """

    def __init__(self, vocabulary: Vocabulary, *, shows_control: bool = False) -> None:
        self._pieces = vocabulary.pieces
        self._hidden_ids = vocabulary.end_ids if shows_control else vocabulary.control_ids
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def decode(self, tokens: Iterable[int], *, is_final: bool = False) -> str:
        """Return the text that these tokens complete; `is_final` turns half a character into U+FFFD."""
        data = b"".join(self._pieces[token] for token in tokens if token not in self._hidden_ids)
        return self._decoder.decode(data, is_final)


def _unused_mark(texts: Iterable[str]) -> str:
    """Return a private-use character that occurs in none of these texts."""
    first = chr(_PRIVATE_USE.start)
    if not any(first in text for text in texts):  # nearly always, and much faster than the rest
        return first
    used = set().union(*texts)
    for mark in map(chr, _PRIVATE_USE):
        if mark not in used:
            return mark
    raise UsageError(
        "the messages use every character of Unicode's private area", hint="leave one of U+E000 to U+F8FF out"
    )


def _spelled(special_texts: Iterable[str]) -> tuple[str, ...]:
    """Return the special tokens but those of one character or of white space only.

    Some vocabularies have such tokens for indentation; they mean no more than their text.
    """
    return tuple(text for text in special_texts if len(text) > 1 and text.strip())


def _any_character(characters: Iterable[str]) -> re.Pattern[str] | None:
    inside = "".join(map(re.escape, sorted(characters)))
    return re.compile(f"[{inside}]") if inside else None
