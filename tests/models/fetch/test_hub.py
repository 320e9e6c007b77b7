"""A repository's files: which is meant, and how the hub is reached."""

from __future__ import annotations

import pytest

from agx.errors import BackendUnreachable, ConfigError, ModelMissing, UsageError
from agx.models.fetch.http import HttpClient
from agx.models.fetch.hub import HubAccess, Listed, choose, list_files, parts_of, renamed
from agx.models.fetch.remote import Patience
from agx.models.fetch.sources import HubChoice, HubFile
from agx.models.fetch.watcher import SilentWatcher
from tests.hub_server import REPOSITORY, HubServer

PATIENCE = Patience(tries=2, first_secs=0.01)


def listed(*paths: str) -> list[Listed]:
    return [Listed(path, 1) for path in paths]


@pytest.mark.parametrize(
    ("tag", "paths", "chosen"),
    [
        ("q4_k_m", ("M-Q4_K_M.gguf", "M-Q8_0.gguf"), "M-Q4_K_M.gguf"),
        ("Q4_K", ("M-Q4_K_M.gguf", "M.Q4_K.gguf"), "M.Q4_K.gguf"),
        ("Q8_0", ("model_q8_0.gguf",), "model_q8_0.gguf"),
        (
            "Q4_K_M",
            ("Q4_K_M/M-00001-of-00002.gguf", "Q4_K_M/M-00002-of-00002.gguf"),
            "Q4_K_M/M-00001-of-00002.gguf",
        ),
        ("F16", ("mmproj-F16.gguf", "M-F16.gguf"), "M-F16.gguf"),
        ("", ("only.gguf",), "only.gguf"),
    ],
)
def test_the_file_of_a_quantisation_is_chosen(tag: str, paths: tuple[str, ...], chosen: str) -> None:
    assert choose(listed(*paths), HubChoice("o/r", tag)).path == chosen


@pytest.mark.parametrize(
    "part",
    ["mmproj-x-Q4_K_M.gguf", "mtp-x-Q4_K_M.gguf", "x-eagle3-Q4_K_M.gguf", "dflash/x-dflash-Q4_K_M.gguf",
     "x.imatrix-Q4_K_M.gguf"],
)  # fmt: skip
def test_a_part_of_a_model_is_chosen_only_where_there_is_nothing_else(part: str) -> None:
    files = [Listed(path, 1) for path in (part, "attempt-Q4_K_M.gguf")]
    assert choose(files, HubChoice("o/r", "Q4_K_M")).path == "attempt-Q4_K_M.gguf"
    assert choose(files[:1], HubChoice("o/r", "Q4_K_M")).path == part


def test_the_file_that_the_catalogue_names_comes_first() -> None:
    files = listed("a-Q4_K_M.gguf", "b-Q4_K_M.gguf")
    assert choose(files, HubChoice("o/r", "Q4_K_M", preferred="b-q4_k_m.gguf")).path == "b-Q4_K_M.gguf"
    assert choose(files[:1], HubChoice("o/r", "Q4_K_M", preferred="gone.gguf")).path == "a-Q4_K_M.gguf"


def test_what_is_ambiguous_or_missing_names_what_there_is() -> None:
    files = listed("a-Q4_K_M.gguf", "b-Q4_K_M.gguf", "a-Q8_0.gguf")
    with pytest.raises(UsageError, match="2 files") as caught:
        choose(files, HubChoice("o/r", "Q4_K_M"))
    assert "hf:o/r/a-Q4_K_M.gguf: a-Q4_K_M.gguf, b-Q4_K_M.gguf" in caught.value.hint
    assert caught.value.details["choices"] == ["a-Q4_K_M.gguf", "b-Q4_K_M.gguf"]
    with pytest.raises(ModelMissing, match="IQ1_S") as missing:
        choose(files, HubChoice("o/r", "IQ1_S"))
    assert "a-Q8_0.gguf" in missing.value.hint
    with pytest.raises(ModelMissing, match="no GGUF"):
        choose([], HubChoice("o/r", "IQ1_S"))
    with pytest.raises(UsageError) as many:
        choose(listed(*(f"{number}.gguf" for number in range(100))), HubChoice("o/r"))
    assert "and 76 more" in many.value.hint


def test_the_parts_of_a_split_file_are_told_by_its_name() -> None:
    assert parts_of("x/a-00002-of-00003.gguf") == [f"x/a-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    assert parts_of("a.gguf") == ["a.gguf"]
    assert renamed("a-00002-of-00003.gguf", "b") == "b-00002-of-00003.gguf"
    assert renamed("a.GGUF", "b.gguf") == "b.gguf"
    for name in ("a-00001-of-99999.gguf", "a-00001-of-00000.gguf", "a-00004-of-00003.gguf"):
        with pytest.raises(UsageError):
            parts_of(name)


def test_the_variables_say_how_the_hub_is_reached() -> None:
    variables = {"HF_ENDPOINT": "http://localhost:1/", "HF_TOKEN": " hf_x\n", "HF_HUB_OFFLINE": "1"}
    access = HubAccess.from_environ(variables)
    assert access == HubAccess("http://localhost:1", "hf_x", is_offline=True)
    assert "hf_x" not in repr(access)
    assert HubAccess.from_environ({}) == HubAccess("https://huggingface.co", None, is_offline=False)
    assert HubAccess.from_environ({"HF_HUB_OFFLINE": "0"}, is_offline=True).is_offline


def test_a_password_in_the_hubs_address_is_not_shown() -> None:
    access = HubAccess.from_environ({"HF_ENDPOINT": "https://me:secret@mirror"})
    for place in (access.file(HubFile("o/r", "a.gguf")), access.tree("o/r", "main")):
        assert place.url.startswith("https://me:secret@mirror/")
        assert place.about == "https://mirror/o/r"
        assert "secret" not in place.label


@pytest.mark.parametrize(
    "variables",
    [
        {"HF_ENDPOINT": "huggingface.co"},
        {"HF_ENDPOINT": "file:///etc"},
        {"HF_ENDPOINT": "http://[::1"},
        {"HF_ENDPOINT": "http://hub:99999"},
        {"HF_ENDPOINT": "https://:80"},
        {"HF_TOKEN": "a\nb"},
        {"HF_TOKEN": "hf ü"},
    ],
)
def test_a_variable_that_cannot_be_right_is_refused_and_no_token_is_shown(variables: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        HubAccess.from_environ(variables)
    assert variables.get("HF_TOKEN", "?") not in caught.value.message


def test_a_file_has_an_address_that_survives_its_name() -> None:
    place = HubAccess("http://h").file(HubFile("o/r", "a b/ü?#%.gguf", "refs"))
    assert place.url == "http://h/o/r/resolve/refs/a%20b/%C3%BC%3F%23%25.gguf"


async def listing(hub: HubServer, repository: str = REPOSITORY) -> list[Listed]:
    async with HttpClient() as http:
        return await list_files(
            http, HubAccess(hub.url), repository, patience=PATIENCE, watcher=SilentWatcher()
        )


async def test_a_list_of_several_pages_is_read_to_its_end(hub: HubServer) -> None:
    hub.files = {"a.gguf": b"1", "b.gguf": b"22", "c.txt": b"3"}
    hub.does.page_rows = 1
    assert await listing(hub) == [
        Listed("a.gguf", 1, hub.sha256("a.gguf")),
        Listed("b.gguf", 2, hub.sha256("b.gguf")),
    ]


async def test_a_next_page_on_another_host_is_not_asked(hub: HubServer) -> None:
    hub.does.next_page = f"{hub.store_url}/more"
    with pytest.raises(BackendUnreachable, match="cannot be read"):
        await listing(hub)
    assert all(request.is_hub for request in hub.requests)


async def test_a_repository_that_is_not_there_or_private_is_one_sentence(hub: HubServer) -> None:
    with pytest.raises(ModelMissing, match="the repository some/where is not there, or is private") as caught:
        await listing(hub, "some/where")
    assert "HF_TOKEN" in caught.value.hint


async def test_a_listed_name_that_leads_elsewhere_is_refused(hub: HubServer) -> None:
    hub.files = {"../../evil.gguf": b"1"}
    with pytest.raises(BackendUnreachable, match="name cannot be used"):
        await listing(hub)
