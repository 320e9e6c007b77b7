"""From settings and environment to a server."""

from __future__ import annotations

import pytest

from agx.app.configure import planner_config
from agx.app.endpoints import endpoint_of
from agx.backends.base import BackendKind
from agx.backends.openai.spec import OPENAI_URL, Endpoint
from agx.errors import ConfigError
from agx.settings.endpoints import EndpointTable
from agx.settings.layers import Settings, read_settings

LAB = EndpointTable("http://lab/v1/", "/chat", "LAB_KEY", {"A": "b"}, {"c": 1})


def settings(*, lab: EndpointTable | None = None, **options: str) -> Settings:
    read = read_settings(options, environ={"AGX_HOME": "/nowhere"})
    return read if lab is None else Settings(read.given, endpoints={"lab": lab})


@pytest.mark.parametrize(
    ("environ", "key"),
    [
        ({}, None),
        ({"OPENAI_API_KEY": "a"}, "a"),
        ({"OPENAI_API_KEY": "a", "AGX_OPENAI_API_KEY": "b"}, "b"),
        ({"OPENAI_API_KEY": "a", "AGX_OPENAI_API_KEY": ""}, "a"),
    ],
)
def test_the_key_is_in_the_environment(environ: dict[str, str], key: str | None) -> None:
    endpoint = endpoint_of(settings(), environ=environ)
    assert (endpoint.base_url, endpoint.api_key) == (OPENAI_URL, key)


def test_an_endpoint_of_the_file() -> None:
    environ = {"LAB_KEY": "k", "OPENAI_API_KEY": "another"}
    endpoint = endpoint_of(settings(lab=LAB, backend="openai:lab"), environ=environ)
    assert endpoint == Endpoint("http://lab/v1", "k", "/chat", {"A": "b"}, {"c": 1})


def test_no_key_of_openai_goes_to_an_endpoint_that_names_none() -> None:
    lab = EndpointTable("http://lab/v1")
    environ = {"OPENAI_API_KEY": "another"}
    assert endpoint_of(settings(lab=lab, backend="openai:lab"), environ=environ).api_key is None


def test_a_key_that_is_not_set_is_named_by_its_variable() -> None:
    with pytest.raises(ConfigError, match="LAB_KEY"):
        endpoint_of(settings(lab=LAB, backend="openai:lab"), environ={})


@pytest.mark.parametrize(
    "url",
    ["localhost:8000", "ftp://a/v1", "http://", "http://a:b@c/v1", "http://a/v1?key=b", "http://a:x/v1"],
)
def test_an_address_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match="no address") as caught:
        endpoint_of(settings(base_url=url), environ={})
    assert "a:b@" not in str(caught.value.as_dict())
    assert "key=b" not in str(caught.value.as_dict())


def test_a_planner_gets_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGX_OPENAI_API_KEY", "sk-0123456789")
    config = planner_config(settings(backend="openai", base_url="http://a/v1/"))
    assert config.backend == (BackendKind.OPENAI,)
    assert config.servers.endpoint == Endpoint("http://a/v1", "sk-0123456789")
    assert "sk-0123456789" not in repr(config)
