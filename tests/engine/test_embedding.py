"""Embeddings of small random models: pooling, length, order, and what cannot be embedded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import gguf
import pytest

from agx.engine.embedding import Embedder
from agx.errors import ModelUnloadable, PromptTooLong
from agx.requests import LoadOptions
from tests.tiny_bert import CONTEXT, write_tiny_bert
from tests.tiny_gguf import TinyModel, write_tiny_gguf

OPTIONS = LoadOptions(device="cpu", threads=1)
TEXTS = ["the cat", "a", "files and lines " * 3, "count all the lines of files", "zebra"]
Open = Callable[..., Embedder]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Return a function that opens an embedder; all are closed afterwards."""
    embedders: list[Embedder] = []

    def open_one(path: Path, options: LoadOptions = OPTIONS) -> Embedder:
        embedders.append(Embedder(str(path), options))
        return embedders[-1]

    yield open_one
    for embedder in embedders:
        embedder.close()


def embed(embedder: Embedder, *texts: str) -> list[list[float]]:
    vectors = embedder.embed(1, texts)
    assert vectors is not None
    return vectors


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.fixture(params=["encoder", "decoder"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """One that looks both ways, and one that looks back."""
    path = tmp_path / "model.gguf"
    if request.param == "encoder":
        return write_tiny_bert(path)
    return write_tiny_gguf(path, TinyModel(float_type="F32"))


def test_texts_together_are_the_same_as_each_alone(model: Path, opened: Open) -> None:
    embedder = opened(model)
    together = embed(embedder, *TEXTS)
    alone = [embed(embedder, text)[0] for text in TEXTS]
    for one, other in zip(together, alone, strict=True):
        assert one == pytest.approx(other, abs=1e-3)
    assert len({tuple(vector) for vector in together}) == len(TEXTS)


def test_every_vector_has_the_length_one(model: Path, opened: Open) -> None:
    embedder = opened(model)
    for vector in embed(embedder, *TEXTS):
        assert len(vector) == embedder.width
        assert math.hypot(*vector) == pytest.approx(1.0)


def test_more_texts_than_a_batch_holds_keep_their_order(model: Path, opened: Open) -> None:
    embedder = opened(model)
    texts = [TEXTS[number % len(TEXTS)] for number in range(100)]
    vectors = embed(embedder, *texts)
    for place, vector in enumerate(vectors):
        assert cosine(vector, vectors[place % len(TEXTS)]) == pytest.approx(1.0, abs=1e-4)


def test_a_decoder_reads_a_long_text_in_slices(
    tmp_path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tiny_gguf(tmp_path / "model.gguf", TinyModel(float_type="F32"))
    text = "list all files and count the lines " * 8
    (whole,) = embed(opened(path), text)
    monkeypatch.setattr("agx.engine.embedding._DECODER_BATCH", 32)
    (sliced,) = embed(opened(path), text)
    assert sliced == pytest.approx(whole, abs=1e-3)


@pytest.mark.parametrize("pooling", [gguf.PoolingType.MEAN, gguf.PoolingType.CLS, gguf.PoolingType.LAST])
def test_the_pooling_is_that_of_the_file(pooling: gguf.PoolingType, tmp_path: Path, opened: Open) -> None:
    embedder = opened(write_tiny_bert(tmp_path / "encoder.gguf", pooling=pooling))
    assert embedder.pooling == pooling
    assert embedder.facts()["pooling"] == {1: "mean", 2: "first", 3: "last"}[pooling]
    (mean,) = embed(opened(write_tiny_bert(tmp_path / "mean.gguf")), "cat")
    is_same = cosine(mean, embed(embedder, "cat")[0]) > 0.999
    assert is_same == (pooling == gguf.PoolingType.MEAN)


@pytest.mark.parametrize("text", ["a " * CONTEXT, "x" * 10_000], ids=["tokens", "one word"])
def test_a_text_that_is_too_long_is_refused_by_its_place(text: str, tmp_path: Path, opened: Open) -> None:
    embedder = opened(write_tiny_bert(tmp_path / "encoder.gguf"))
    with pytest.raises(PromptTooLong, match=f"text 2 has .* the model takes {CONTEXT}"):
        embed(embedder, "a", text)
    assert embed(embedder, "a")


def test_a_file_for_something_else_is_refused(tmp_path: Path) -> None:
    path = write_tiny_bert(tmp_path / "rank.gguf", pooling=gguf.PoolingType.RANK)
    with pytest.raises(ModelUnloadable, match="reranker"):
        Embedder(str(path), OPTIONS)


def test_a_request_that_is_cancelled_returns_nothing(model: Path, opened: Open) -> None:
    embedder = opened(model)
    pooled = embedder._pooled

    def cancelled(texts: object) -> object:
        embedder.cancel(1)
        return pooled(texts)  # type: ignore[arg-type]

    embedder._pooled = cancelled  # type: ignore[method-assign, assignment]
    assert embedder.embed(1, TEXTS) is None
    embedder._pooled = pooled  # type: ignore[method-assign]
    embedder.cancel(2)
    assert embedder.embed(3, TEXTS) is not None
