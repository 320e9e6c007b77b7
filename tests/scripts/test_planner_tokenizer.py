"""The tokenizer: every text comes back, and a name has the same tokens wherever it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("tokenizers", reason="the training tools are missing: pip install agx[train]")

from tokenizers import Tokenizer

from scripts.planner import tokenizer as program
from scripts.planner.sequences import END, PAD, PLAN, SPECIAL_TOKENS, USER
from scripts.planner.tokenizer import load_tokenizer, special_id, train_tokenizer

TEXTS = [
    "find all *.rs files in src and count their lines",
    '{"tasks":[{"command":"find","args":["src","-name","*.rs"]},{"command":"wc","args":["-l"]}]}',
    "delete report-2024.txt,  then\n\n\tlist 1000 files of user's folder 2024",
] * 20


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small trained tokenizer as its file."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    train_tokenizer(TEXTS, 400).save(str(path))
    return path


@pytest.fixture(scope="module")
def tokenizer(path: Path) -> Tokenizer:
    """Return the tokenizer."""
    return load_tokenizer(path)


def _tokens(tokenizer: Tokenizer, text: str) -> list[str]:
    return list(tokenizer.encode(text, add_special_tokens=False).tokens)


@pytest.mark.parametrize(
    "text",
    [
        *TEXTS[:3],
        "",
        " \t\n  two  spaces ",
        "naïve Größe 東京 🙂 e\u0301",
        "it's 'tis o'clock ''s",
        "0123456789",
        "<|plan|> and <|end|>",
        "\x00\x7f",
    ],
)
def test_every_text_comes_back(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_special_tokens_and_all_bytes_are_in_the_vocabulary(tokenizer: Tokenizer) -> None:
    assert tokenizer.get_vocab_size() <= 400
    assert [special_id(tokenizer, token) for token in SPECIAL_TOKENS] == list(range(len(SPECIAL_TOKENS)))
    assert len(tokenizer.encode("\u0378").ids) == 2, "a character never seen is its bytes"


def test_white_space_and_digits_never_merge(tokenizer: Tokenizer) -> None:
    """A number is its digits, and a name does not depend on what stands before it."""
    assert _tokens(tokenizer, "2024") == list("2024")
    assert _tokens(tokenizer, "  \n\n") == ["Ġ", "Ġ", "Ċ", "Ċ"]
    in_vocabulary = [
        token for token in tokenizer.get_vocab() if token not in SPECIAL_TOKENS and len(token) > 1
    ]
    assert in_vocabulary
    assert not [token for token in in_vocabulary if any(char in "ĠĊĉ" or char.isdecimal() for char in token)]


@pytest.mark.parametrize("before", ["", " ", '"', "/", "2", "\n"])
@pytest.mark.parametrize("after", ["", " ", '"', ".", "7"])
def test_a_name_has_the_same_tokens_everywhere(tokenizer: Tokenizer, before: str, after: str) -> None:
    name = _tokens(tokenizer, "files")
    assert name == ["files"]
    assert "files" in _tokens(tokenizer, f"{before}files{after}")


def test_text_that_looks_like_a_special_token_stays_text(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(f"say {PLAN} {END}").ids
    assert not {special_id(tokenizer, token) for token in SPECIAL_TOKENS} & set(ids)


def test_a_token_that_is_missing_is_an_error(tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match="has no token"):
        special_id(tokenizer, "<|unheard|>")


def test_the_program_learns_from_instructions_and_plans(tmp_path: Path) -> None:
    row = '{"nl": "wibble wibble", "tasks": [{"command": "wobble", "args": []}]}\n'
    (tmp_path / "train.jsonl").write_text(row * 20, encoding="utf-8")
    program.main([str(tmp_path), str(tmp_path / "new" / "tokenizer.json"), "--size", "320"])
    trained = load_tokenizer(tmp_path / "new" / "tokenizer.json")
    for word in ("wibble", "wobble", '":[{"'):
        assert _tokens(trained, word) == [word]
    assert [special_id(trained, token) for token in (PAD, USER)] == [0, 2]
