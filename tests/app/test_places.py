"""Where things are kept, and keeping finished plans."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from agx.app.places import Recorded, known_models_folder, plan_session, record, stored_plans
from agx.errors import StorageError
from agx.plan.open_plan import OpenPlan
from agx.settings.layers import Settings, read_settings
from tests.plan.helpers import plan_of

PLAN = plan_of({"command": "ls"})


def settings_in(home: Path | str, **options: str) -> Settings:
    return read_settings(options, environ={"AGX_HOME": str(home)})


def test_a_plan_is_recorded_in_the_home_folder(tmp_path: Path) -> None:
    path = record(PLAN, (), settings_in(tmp_path)).path
    assert path is not None
    assert path.is_relative_to(tmp_path)
    assert json.loads(path.read_text())["plan_id"] == PLAN.plan_id


def test_a_plan_is_recorded_only_where_that_is_wanted(tmp_path: Path) -> None:
    assert record(PLAN, (), settings_in(tmp_path, record="off")) == Recorded()
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_recorded_is_said_and_not_raised() -> None:
    recorded = record(PLAN, (), settings_in(f"{os.devnull}/home"))
    assert recorded.path is None
    assert recorded.problem.startswith("the plan is not recorded: ")


def test_models_have_a_folder_where_there_is_a_home(tmp_path: Path) -> None:
    assert known_models_folder(settings_in(tmp_path)) == tmp_path / "models"
    with pytest.raises(StorageError, match="no home folder"):
        known_models_folder(Settings({}, home=None))


def test_plans_are_found_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGX_HOME", str(tmp_path))
    assert stored_plans().folder == tmp_path / "plans"
    plan_session().begin(OpenPlan.begun("one"))
    assert (tmp_path / "buffer.json").exists()
    assert plan_session(str(tmp_path / "other.json")).optional_plan() is None
