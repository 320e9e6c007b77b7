"""`agx up`, `agx ps` and `agx down`, on the embedded planner."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Agx


def test_a_model_is_kept_listed_and_ended(agx: Agx) -> None:
    up = agx("up", "agx-nano", "--keep-alive", "2", "--context-size", "512")
    assert up.code == 0, up.err
    status = json.loads(up.out)
    (listed,) = json.loads(agx("ps").out)
    assert listed["pid"] == status["pid"]
    assert (listed["name"], listed["options"]) == ("agx-nano", {"context_size": 512})
    assert 60 < listed["secs_left"] <= 120
    down = agx("down", "agx-nano")
    assert (down.code, down.out) == (0, "")
    assert "agx-nano is not loaded any more" in down.err
    assert json.loads(agx("ps").out) == []


def test_with_two_it_must_be_said_which_to_end(agx: Agx) -> None:
    for size in ("256", "512"):
        assert agx("up", "--keep-alive", "2", "--context-size", size).code == 0
    unclear = agx("down")
    assert unclear.code == 2
    assert "--all" in unclear.err
    assert len(json.loads(agx("down", "--all", "--json").out)) == 2


def test_nothing_to_end_is_no_error(agx: Agx) -> None:
    for arguments in (("down",), ("down", "--all"), ("down", "agx-nano")):
        assert agx(*arguments).code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("up", "no-such-model.gguf"), 4, "there is no model file"),
        (("up", "--warm", "off"), 2, "turned off"),
        (("up", "--keep-alive", "-1"), 2, "keep-alive"),
        (("down", "agx-nano", "--all"), 2, "--all"),
    ],
    ids=["no model", "turned off", "negative", "both"],
)
def test_what_cannot_be_is_an_error(agx: Agx, arguments: tuple[str, ...], code: int, text: str) -> None:
    done = agx(*arguments)
    assert done.code == code
    assert text in done.err


def test_a_home_that_cannot_be_written_is_an_error(agx: Agx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGX_HOME", "/dev/null/home")
    done = agx("up")
    assert done.code == 1
    assert "cannot be made" in done.err
