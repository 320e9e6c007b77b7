"""The ranking of tools: what it reads of them, its order, and the figures it has to reach."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from agx.errors import Unsupported
from agx.plan.tools import Registry, ToolInfo
from agx.tools import ranking
from agx.tools.ranking import ranked
from agx.unix.registry import unix_registry
from agx.util.text_index import MAX_WORDS
from scripts.measure.retrieval import measured

BFCL = Path(__file__).parents[3] / "shared/data/bfcl/cases.jsonl"


def registry_of(**descriptions: str) -> Registry:
    return Registry.of(ToolInfo(name, text) for name, text in descriptions.items())


def with_schema(**properties: dict[str, Any]) -> Registry:
    """Return a registry whose last tool has these properties, and whose others have none."""
    last = ToolInfo("last", schema={"type": "object", "properties": properties})
    return Registry.of([ToolInfo("first"), ToolInfo("second"), last])


def test_the_best_tool_comes_first_and_every_tool_comes() -> None:
    registry = registry_of(cat="prints files", wc="counts lines and words", sort="sorts lines")
    assert ranked(registry, "count the words") == ("wc", "cat", "sort")


def test_a_word_counts_in_all_its_forms() -> None:
    registry = registry_of(a="nothing", b="converting currencies")
    assert ranked(registry, "convert this currency")[0] == "b"


def test_a_name_counts_more_than_a_description() -> None:
    registry = registry_of(other="is about the weather here", get_weather="says what it is like")
    assert ranked(registry, "weather")[0] == "get_weather"


@pytest.mark.parametrize(
    ("properties", "instruction"),
    [
        ({"departure_date": {"type": "string"}}, "departure tomorrow"),
        ({"d": {"type": "string", "description": "day of departure"}}, "departures"),
        ({"d": {"enum": ["departure", 5, None]}}, "departure"),
        ({"d": {"const": "departure"}}, "departure"),
        ({"d": {"type": "object", "properties": {"departureDay": {}}}}, "departure"),
        ({"d": {"type": "array", "items": {"anyOf": [{"title": "departure"}]}}}, "departure"),
        ({"description": {"type": "object", "properties": {"departure": {}}}}, "departure"),
    ],
)
def test_parameters_are_read(properties: dict[str, Any], instruction: str) -> None:
    assert ranked(with_schema(**properties), instruction)[0] == "last"


def test_the_category_is_read() -> None:
    registry = Registry.of([ToolInfo("a"), ToolInfo("b"), ToolInfo("c", category="networking")])
    assert ranked(registry, "network")[0] == "c"


@pytest.mark.parametrize(
    "instruction", ["", " \n", "?!", "\0", "\udcff", "ничего", '" OR * NEAR(', "NOT AND"]
)
def test_what_matches_nothing_keeps_the_order_of_the_registry(instruction: str) -> None:
    registry = registry_of(zeta="one", alpha="two", mid="three")
    assert ranked(registry, instruction) == ("zeta", "alpha", "mid")


def test_equals_keep_the_order_of_the_registry() -> None:
    registry = registry_of(other="none", zeta="the moon", alpha="the moon", mid="the moon")
    assert ranked(registry, "moon") == ("zeta", "alpha", "mid", "other")


def test_a_language_without_spaces_is_ranked() -> None:
    registry = registry_of(a="ファイルを削除する", b="都市の天気を取得する")
    assert ranked(registry, "東京の天気は?")[0] == "b"


def test_a_tool_with_the_name_of_a_common_word_is_found() -> None:
    assert ranked(unix_registry(), "who is logged in on this machine")[0] == "who"


def test_a_very_long_instruction_is_ranked_by_its_first_words() -> None:
    registry = registry_of(a="none", b="weather")
    filler = " ".join(f"word{number}" for number in range(MAX_WORDS * 20))
    assert ranked(registry, f"weather {filler}")[0] == "b"
    assert ranked(registry, f"{filler} weather")[0] == "a"


def test_one_index_serves_all_instructions_and_threads() -> None:
    registry = registry_of(a="none", b="weather", c="moon")
    index = ranking._index(registry)
    wrong: list[tuple[str, ...]] = []

    def rank() -> None:
        wrong.extend(found for _ in range(50) if (found := ranked(registry, "moon"))[0] != "c")

    threads = [threading.Thread(target=rank) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert ranking._index(registry) is index


def test_an_sqlite_without_its_full_text_index_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    class WithoutIndex(sqlite3.Connection):
        def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
            return super().execute(sql.replace("fts5", "fts_unknown"), *rest)

    monkeypatch.setattr(
        sqlite3, "connect", lambda *given, **more: connect(*given, factory=WithoutIndex, **more)
    )
    with pytest.raises(Unsupported, match="cannot rank tools: no such module") as caught:
        ranked(registry_of(a="one"), "one")
    assert "--tools-limit 0" in caught.value.hint


@pytest.mark.skipif(not BFCL.exists(), reason=f"the cases are not there: {BFCL}")
def test_the_right_tool_is_among_the_best() -> None:
    """Of its own tools among the best 3 in 95 %, of all tools of the file among the best 10 in 90 %."""
    found = measured(BFCL)
    assert (found.num_cases, found.num_tools) == (362, 712)
    assert found.found_in_own / found.num_cases >= 0.95
    assert found.found_in_pool / found.num_cases >= 0.90
