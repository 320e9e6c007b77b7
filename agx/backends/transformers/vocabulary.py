"""The vocabulary of a tokenizer of Hugging Face's, as tables.

`tokenizers` splits the texts; the bytes of the tokens are read by how its decoder puts them together:
byte-level BPE writes a printable character for each byte, SentencePiece's forms write ▁ for a space and
`<0x0A>` for a byte that has no character.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from agx.engine.token_texts import TokenTexts
from agx.errors import ModelUnloadable
from agx.gguf.token_table import NORMAL_PIECES
from agx.util.byte_strings import ByteStrings

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_SAMPLE = 'a Zoë 1 {"tasks":[{"args":["-l"]}]}\n'
_HINT = "use a model whose folder has a tokenizer.json of byte-level BPE or SentencePiece's kind"


class TransformersVocabulary(TokenTexts):
    """The tokens of a loaded model; `size` is the number of its logits, which may be above theirs.

    `end_ids` are the tokens that end a generation by the model's configuration. Raises `ModelUnloadable`
    for a tokenizer whose tokens' bytes are not known.
    """

    def __init__(self, tokenizer: Any, *, size: int, end_ids: Iterable[int]) -> None:  # noqa: ANN401  see libraries
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise ModelUnloadable("the model has no fast tokenizer", hint=_HINT)
        self._tokenizer = backend
        added = backend.get_added_tokens_decoder()
        ends = {token for token in end_ids if 0 <= token < size}
        if not ends:
            raise ModelUnloadable("the model names no token that ends a text", hint=_HINT)
        self.bos_text: str = tokenizer.bos_token or ""
        self.eos_text: str = tokenizer.eos_token or ""
        added_bos = tokenizer.bos_token_id if _adds_bos(tokenizer) else None
        super().__init__(
            ByteStrings(_pieces(backend, {token: each.content for token, each in added.items()}, size=size)),
            control_ids={token for token, each in added.items() if each.special} | ends,
            end_ids=ends,
            special_texts=[each.content for each in added.values()],
            added_bos=added_bos,
        )
        if self._text_of_all(self.tokenise(_SAMPLE, parse_special=False, goes_on=True)) != _SAMPLE.encode():
            raise ModelUnloadable("the model's tokenizer is of a kind that AGX cannot read", hint=_HINT)

    def _encode(self, text: str, *, parse_special: bool) -> list[int]:
        self._tokenizer.encode_special_tokens = not parse_special
        ids: list[int] = self._tokenizer.encode(
            text.encode("utf-8", errors="replace").decode(), add_special_tokens=False
        ).ids
        return ids


def _adds_bos(tokenizer: Any) -> bool:  # noqa: ANN401  as above
    """Return whether the tokenizer puts its first token in front of every text."""
    bos = tokenizer.bos_token_id
    return bos is not None and tokenizer("a")["input_ids"][:1] == [bos]


def _pieces(backend: Any, added: Mapping[int, str], *, size: int) -> list[bytes]:  # noqa: ANN401  as above
    """Return the bytes of each token; those that are only in the model's matrix have none."""
    normal = {
        token: text for text, token in backend.get_vocab(with_added_tokens=False).items() if token < size
    }
    pieces = [b""] * size
    if "ByteLevel" in json.dumps(json.loads(backend.to_str())["decoder"]):
        texts = {token: text for token, text in normal.items() if token not in added}
        try:
            found = NORMAL_PIECES["gpt2"]([text.encode() for text in texts.values()])
        except ValueError as error:
            raise ModelUnloadable(f"the model's tokens are not byte-level: {error}", hint=_HINT) from error
        for token, piece in zip(texts, found, strict=True):
            pieces[token] = piece
    else:
        for token, text in normal.items():
            byte = _BYTE.fullmatch(text)
            pieces[token] = bytes([int(byte[1], 16)]) if byte else text.replace("▁", " ").encode()
    for token, text in added.items():
        if token < size:
            pieces[token] = text.encode()
    return pieces
