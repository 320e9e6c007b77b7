"""What parameters do to the text of a real model."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import pytest

from agx.backends.base import ModelBackend
from agx.backends.chats import ChatAnswer, whole_answer
from agx.backends.create import create_backend
from agx.backends.specs import ModelChoice, specify
from tests.integration.cases import Case

TELL = [{"role": "user", "content": "Tell me a long story about a cat."}]
GREEDY = {"temperature": 0.0, "repeat_penalty": 1.0, "top_p": 1.0, "top_k": 0, "max_tokens": 40}


@pytest.fixture
async def backend(case: Case) -> AsyncIterator[ModelBackend]:
    """The small model, where it is a real one."""
    if not case.is_real:
        pytest.skip("a random model says nothing that could be judged")
    backend = create_backend(specify(ModelChoice(str(case.echo), load=case.load)))
    yield backend
    await backend.aclose()


async def told(backend: ModelBackend, **more: object) -> ChatAnswer:
    stop = more.pop("stop", ())
    seed = more.pop("seed", None)
    chat = backend.chat(TELL, parameters={**GREEDY, **more}, stop=stop, seed=seed)  # type: ignore[arg-type]
    return await whole_answer(chat)


async def test_temperature_zero_repeats_and_a_higher_one_with_a_seed_does(backend: ModelBackend) -> None:
    assert (await told(backend)).text == (await told(backend)).text
    hot = [await told(backend, temperature=1.5, seed=seed) for seed in (1, 1, 2)]
    assert hot[0].text == hot[1].text
    assert hot[0].text != hot[2].text


async def test_the_likeliest_of_one_token_is_greedy(backend: ModelBackend) -> None:
    assert (await told(backend, temperature=1.5, top_k=1)).text == (await told(backend)).text


async def test_the_most_tokens_bound_the_answer(backend: ModelBackend) -> None:
    answer = await told(backend, max_tokens=7)
    assert (answer.finish_reason, answer.usage.completion_tokens) == ("length", 7)


async def test_a_stop_sequence_stops(backend: ModelBackend) -> None:
    whole = (await told(backend)).text
    word = whole.split()[3]
    answer = await told(backend, stop=[word])
    assert answer.finish_reason == "stop"
    assert answer.text == whole[: whole.index(word)]


@pytest.mark.parametrize("name", ["repeat_penalty", "presence_penalty", "frequency_penalty"])
async def test_a_penalty_breaks_a_loop(name: str, backend: ModelBackend) -> None:
    """A penalty below its neutral value drives the model into a loop, one above it out of that."""
    neutral = 1.0 if name == "repeat_penalty" else 0.0
    looping = await told(backend, max_tokens=60, **{name: neutral - 0.5 if neutral else -2.0})
    broken = await told(backend, max_tokens=60, **{name: neutral + 0.5 if neutral else 2.0})
    assert _most_frequent(broken.text) < _most_frequent(looping.text)


def _most_frequent(text: str) -> float:
    """Return the share of the word that is written most often."""
    words = text.split() or [text]
    return Counter(words).most_common(1)[0][1] / len(words)
