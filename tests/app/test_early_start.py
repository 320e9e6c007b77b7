"""The worker that is started before anything heavy is imported."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agx.app.early_start import started_worker
from agx.settings.layers import read_settings
from agx.worker.starting import start_process

MAX_SECS = 10


@pytest.mark.parametrize(
    "options",
    [{"backend": "ollama"}, {"echo_model": "no-such-model"}, {"chat_template": "no-such-template"}],
    ids=["another backend", "no model", "no template"],
)
def test_where_nothing_can_be_started_the_planner_says_why(options: dict[str, str]) -> None:
    with started_worker(read_settings(options, environ={}), needed=True) as worker:
        assert worker is None


def test_a_worker_is_stopped_whatever_happens(tmp_path: Path) -> None:
    settings = read_settings({"device": "cpu"}, environ={"AGX_HOME": str(tmp_path)})
    with pytest.raises(ZeroDivisionError), started_worker(settings, needed=True) as worker:
        raise ZeroDivisionError
    assert worker is not None
    until = time.monotonic() + MAX_SECS
    while worker.death is None and time.monotonic() < until:
        time.sleep(0.01)
    assert worker.death is not None
    with started_worker(settings, needed=False) as worker:
        assert worker is None


def test_a_process_that_was_started_before_becomes_the_worker(tmp_path: Path) -> None:
    settings = read_settings({"device": "cpu"}, environ={"AGX_HOME": str(tmp_path)})
    process = start_process()
    with started_worker(settings, needed=True, started=process) as worker:
        assert worker is not None
        assert worker.pid == process.pid
        assert worker.death is None


@pytest.mark.parametrize(
    ("options", "needed"),
    [({"backend": "ollama"}, True), ({"echo_model": "no-such-model"}, True), ({"device": "cpu"}, False)],
    ids=["another backend", "no model", "not needed"],
)
def test_a_process_that_was_started_in_vain_is_ended(
    options: dict[str, str],
    needed: bool,
) -> None:
    process = start_process()
    with started_worker(read_settings(options, environ={}), needed=needed, started=process) as worker:
        assert worker is None
        assert process.poll() is not None
