"""The index of texts: its words, the order of what it finds, and its columns."""

from __future__ import annotations

import pytest

from agx.util.text_index import TextIndex, _spaced, words


def index_of(*documents: tuple[str, ...], weights: tuple[float, ...] = (1.0,)) -> TextIndex:
    return TextIndex(documents, weights=weights, subject="texts", hint="")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("getHTTPResponse_v2", ["get", "http", "response", "v2"]),
        ("ChaDri.change_drink", ["cha", "dri", "change", "drink"]),
        ("HTMLParser", ["html", "parser"]),
        ("md5sum", ["md5sum"]),
        ("a-b\tc\n'd'", ["a", "b", "c", "d"]),
        ("Größe ÄNDERN", ["größe", "ändern"]),
        ("удали файлы", ["удали", "файлы"]),
        ("天気を", ["天", "気", "を"]),
        ("", []),
        ("[ . ! \0 \udcff", []),
    ],
)
def test_a_text_is_split_into_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    "text", ["List all files", "list_all.files", "getHTTPResponse", "天気を", "A", "ls -l"]
)
def test_a_document_is_split_as_a_question_is(text: str) -> None:
    """Only what SQLite would split otherwise is rewritten for it."""
    assert words(_spaced(text)) == words(text)
    index = index_of(("something else",), (text,))
    assert all(index.nearest(word) == [1] for word in words(text))


def test_the_nearest_document_comes_first_and_what_shares_no_word_is_left_out() -> None:
    index = index_of(("count lines",), ("count the words of files",), ("remove folders",))
    assert index.nearest("counting words") == [1, 0]
    assert index.nearest("") == []


def test_equals_keep_their_order_and_a_limit_holds() -> None:
    index = index_of(*[("the moon",)] * 3, ("nothing",), ("none",), ("no",), ("not",))
    assert index.nearest("moon") == [0, 1, 2]
    assert index.nearest("moon", limit=2) == [0, 1]


def test_a_column_counts_by_its_weight() -> None:
    documents = (("weather", "none"), ("none", "weather"), ("none", "none"), ("none", "none"), ("no", "no"))
    assert index_of(*documents, weights=(1.0, 3.0)).nearest("weather") == [1, 0]
    assert index_of(*documents, weights=(3.0, 1.0)).nearest("weather") == [0, 1]
