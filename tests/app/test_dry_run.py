"""What a dry run shows of the parameters."""

from __future__ import annotations

from dataclasses import replace

from agx.app.configure import parameters
from agx.app.dry_run import parameter_rows, preview_data
from agx.planning.planner import PromptPreview
from agx.settings.layers import read_settings

SETTINGS = read_settings({"temperature": "0.5", "seed": "7"}, environ={})
PREVIEW = PromptPreview("plan it", 2, {"type": "object"}, parameters(SETTINGS))


def test_each_parameter_has_its_origin() -> None:
    rows = parameter_rows(PREVIEW, SETTINGS)
    assert rows["temperature"] == {"value": 0.5, "origin": "--temperature"}
    assert rows["seed"] == {"value": 7, "origin": "--seed"}
    assert rows["top_k"]["origin"] == "default"
    assert list(rows)[-3:] == ["seed", "forbid", "risk"]


def test_what_the_role_decided_is_said() -> None:
    preview = replace(PREVIEW, parameters=replace(PREVIEW.parameters, temperature=0.0))
    assert parameter_rows(preview, SETTINGS)["temperature"] == {"value": 0.0, "origin": "role echo"}


def test_the_data_has_prompt_schema_and_all_settings() -> None:
    data = preview_data(PREVIEW, SETTINGS)
    assert (data["prompt"], data["prompt_tokens"], data["schema"]) == ("plan it", 2, {"type": "object"})
    assert preview_data(replace(PREVIEW, examples=("count a",)), SETTINGS)["examples"] == ("count a",)
    assert data["settings"]["seed"] == {"value": 7, "origin": "--seed"}
    assert data["settings"].keys() == SETTINGS.given.keys()
    assert (data["dialect"], "grammar" in data) == ("json", False)


def test_the_data_has_the_grammar_of_another_dialect() -> None:
    data = preview_data(replace(PREVIEW, schema={}, dialect="shell", grammar="start: TOOL"), SETTINGS)
    assert (data["dialect"], data["schema"], data["grammar"]) == ("shell", {}, "start: TOOL")
