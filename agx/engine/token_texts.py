"""Text to tokens and back by the tables of a vocabulary, whoever it is that splits texts into tokens.

What users wrote must not act as special tokens: `defused` breaks those up in their texts before a template
sees them, and `tokenise_prompt` splits the prompt at the same mark again.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cached_property

from agx.engine.text_decoder import TextDecoder
from agx.errors import PromptTooLong, UsageError
from agx.util.byte_strings import ByteStrings

_PRIVATE_USE = range(0xE000, 0xF900)
# A character that occurs in no text and begins no token of several characters.
_LEAD = "\x01"


class TokenTexts(ABC):
    """The vocabulary of a loaded model, as tables.

    `pieces` are the bytes of each token, `control_ids` the tokens that no text spells, and `end_ids` those
    of them that end a generation, at least one. `special_texts` are what a template may write for special
    tokens, and `added_bos` is the token that a prompt has to begin with, if any.
    """

    def __init__(
        self,
        pieces: ByteStrings,
        *,
        control_ids: set[int],
        end_ids: set[int],
        special_texts: Iterable[str],
        added_bos: int | None,
    ) -> None:
        self.pieces = pieces
        self.control_ids = control_ids
        self.end_ids = end_ids
        self._special_texts = _spelled(special_texts)
        self._special_starts = _any_character({text[0] for text in self._special_texts})
        self._longest_piece = max(map(len, self.pieces))
        self._added_bos = added_bos
        # Some tokenizers put a space before every text; a text that goes on is tokenised behind this one.
        self._lead = _LEAD if self._adds_space() else ""
        self._lead_tokens = self.tokenise(self._lead, parse_special=False)

    def __len__(self) -> int:
        return len(self.pieces)

    @abstractmethod
    def _encode(self, text: str, *, parse_special: bool) -> list[int]:
        """Return the tokens of a text, without any that a tokenizer adds."""

    def _adds_space(self) -> bool:
        return self._text_of_all(self.tokenise("a", parse_special=False)) != b"a"

    def _text_of_all(self, tokens: Iterable[int]) -> bytes:
        return b"".join(self.pieces[token] for token in tokens)

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
        return self._encode(text, parse_special=parse_special)

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
        """Return a decoder for one generation; with `shows_control` only what ends a text is left out.

        Some models mark their tool calls by control tokens.
        """
        return TextDecoder(self.pieces, self.end_ids if shows_control else self.control_ids)


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
