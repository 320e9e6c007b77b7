"""Servers that agx.toml names, and the word that asks for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from agx.errors import ConfigError
from agx.settings.endpoints import EndpointTable, endpoint_named
from agx.settings.layers import Settings, read_settings

LAB = """\
max_tasks = 3

[endpoints.lab]
base_url = "https://models.example.org/v1"
api_key_env = "LAB_KEY"
headers = { X-Team = "planners" }
extra_body = { top_a = 1 }
"""


def settings(tmp_path: Path, project: str, user: str = "", **environ: str) -> Settings:
    for folder, text in (("home", user), ("project", project)):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "agx.toml").write_text(text)
    variables = {"AGX_HOME": str(tmp_path / "home"), **environ}
    return read_settings(environ=variables, folder=tmp_path / "project")


def test_an_endpoint_is_read_with_all_its_keys(tmp_path: Path) -> None:
    read = settings(tmp_path, LAB, AGX_BACKEND="openai:lab")
    assert read.integer("max_tasks") == 3
    assert (read.text("backend"), read.endpoint_name) == ("openai:lab", "lab")
    assert endpoint_named(read.endpoints, "lab") == EndpointTable(
        "https://models.example.org/v1",
        api_key_env="LAB_KEY",
        headers={"X-Team": "planners"},
        extra_body={"top_a": 1},
        origin=f"{tmp_path}/project/agx.toml:3",
    )


def test_the_projects_endpoint_goes_before_the_users(tmp_path: Path) -> None:
    user = '[endpoints.lab]\nbase_url = "http://a/v1"\n[endpoints.other]\nbase_url = "http://b/v1"\n'
    read = settings(tmp_path, LAB, user)
    assert {name: table.base_url for name, table in read.endpoints.items()} == {
        "lab": "https://models.example.org/v1",
        "other": "http://b/v1",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("endpoints = 3", "no table"),
        ("[endpoints]\nlab = 3", "no base_url"),
        ('[endpoints.lab]\npath = "/x"', "no base_url"),
        ('[endpoints.lab]\nbase_url = "ftp://a"', "base_url that cannot be used"),
        ('[endpoints.lab]\nbase_url = "http://a"\npath = "x"', "path that cannot be used"),
        ('[endpoints.lab]\nbase_url = "http://a"\nheaders = { A = 1 }', "headers that cannot be used"),
        ('[endpoints.lab]\nbase_url = "http://a"\nextra_body = 1', "extra_body that cannot be used"),
        ('[endpoints.lab]\nbase_url = "http://a"\nheader = { A = "b" }', "'header' (did you mean 'headers'"),
    ],
)
def test_a_table_that_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, text)
    assert said.partition(" (")[0] in caught.value.message
    assert f"{tmp_path}/project/agx.toml:1" in caught.value.message
    assert caught.value.hint


def test_a_secret_in_the_wrong_place_is_not_shown(tmp_path: Path) -> None:
    text = '[endpoints.lab]\nbase_url = "sk-0123456789"\n'
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, text)
    assert "sk-0123456789" not in str(caught.value.as_dict())


def test_an_unknown_endpoint_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    read = settings(tmp_path, LAB)
    with pytest.raises(ConfigError, match="no endpoint 'labs'") as caught:
        endpoint_named(read.endpoints, "labs")
    assert "lab" in caught.value.hint


@pytest.mark.parametrize(
    ("given", "value", "name"),
    [
        ("openai", "openai", None),
        ("OpenAI:Lab", "openai:Lab", "Lab"),
        ("llama.cpp, openai:lab", "llamacpp,openai:lab", "lab"),
    ],
)
def test_a_backend_may_have_a_name(tmp_path: Path, given: str, value: str, name: str | None) -> None:
    read = settings(tmp_path, "", AGX_BACKEND=given)
    assert (read.text("backend"), read.endpoint_name) == (value, name)


@pytest.mark.parametrize("given", ["openai:", "llamacpp:lab", "openay:lab", ":lab"])
def test_what_is_no_backend_is_refused(tmp_path: Path, given: str) -> None:
    with pytest.raises(ConfigError, match="backend cannot be") as caught:
        settings(tmp_path, "", AGX_BACKEND=given)
    assert "openai:NAME" in caught.value.hint


def test_the_key_is_no_setting_and_no_unknown_variable(tmp_path: Path) -> None:
    read = settings(tmp_path, "", AGX_OPENAI_API_KEY="sk-0123456789")
    assert read.warnings == ()
    assert "sk-0123456789" not in repr(read)
