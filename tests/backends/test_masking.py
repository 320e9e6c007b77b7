"""Names that the embedded planner cannot copy: masked in what it reads, and back in what it writes."""

from __future__ import annotations

import json

import pytest

from agx.backends.masking import Unmasking, mask_of
from agx.backends.scripted import ScriptedBackend
from agx.errors import PlanInvalid
from agx.planning.config import ModelRole, PlannerConfig
from agx.planning.planner import Planner
from agx.requests import Chunk


@pytest.mark.parametrize(
    ("instruction", "masked"),
    [
        ("remove Anna's draft.txt", "remove kappa.txt"),
        ('delete the file named "x*y"', 'delete the file named "kappa"'),
        ("copy Übersicht.txt to Größe/", "copy kappa.txt to sigma/"),
        ("move ~/Größe/a.txt into /tmp/ßß/x", "move ~/kappa/a.txt into /tmp/sigma/x"),
        ("sort é.txt and é.csv", "sort kappa.txt and kappa.csv"),
        ("print the twelve biggest files", "print the 12 biggest files"),
        ("sort kappa.txt and é.txt", "sort kappa.txt and sigma.txt"),
        ('search for "twelve months" in a.txt', 'search for "twelve months" in a.txt'),
        ("Zeige alle Dateien in Größe", "Zeige alle Dateien in Größe"),
        ("list all files", "list all files"),
        ("find all files named '*.rs'", "find all files named '*.rs'"),
    ],
)
def test_what_the_model_reads(instruction: str, masked: str) -> None:
    assert mask_of(instruction).masked == masked


def test_names_beyond_the_stand_ins_stay() -> None:
    names = [f"{letter}é.txt" for letter in "abcdefghij"]
    mask = mask_of(f"sort {' '.join(names)}")
    assert len(mask.names) == 8
    assert mask.masked.endswith("ié.txt jé.txt")


TEXT = '{"tasks":[{"command":"mv","args":["kappa.txt","kap","sigma/kappa"]}]}'
NAMES = (("kappa", 'Anna\'s "draft"'), ("sigma", "ka"))
WHOLE = json.loads(TEXT.replace("kappa", 'Anna\'s \\"draft\\"').replace("sigma", "ka"))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_names_are_put_back_however_the_text_comes(size: int) -> None:
    unmasking = Unmasking(NAMES)
    chunks = [Chunk(TEXT[at : at + size]) for at in range(0, len(TEXT), size)]
    texts = [unmasking.chunk(chunk).text for chunk in [*chunks, Chunk("", finish_reason="stop")]]
    assert json.loads("".join(texts)) == WHOLE


def test_what_was_held_back_comes_with_the_last_chunk() -> None:
    unmasking = Unmasking(NAMES)
    assert unmasking.chunk(Chunk("a kap")).text == "a "
    assert unmasking.chunk(Chunk("", finish_reason="length")).text == "kap"


def written(*args: str) -> str:
    return json.dumps({"tasks": [{"command": "rm", "args": args}]})


async def test_a_plan_has_the_name_and_says_that_it_was_copied() -> None:
    backend = ScriptedBackend([written("kappa.txt")], planner_tools="unix")
    planner = Planner(backend=backend)
    generated = await planner.plan("remove Anna's draft.txt")
    assert generated.tasks[0].args == ("Anna's draft.txt",)
    assert generated.metadata.normalised == ('"Anna\'s draft" was copied from the instruction as it stands',)
    assert json.loads(generated.text)["tasks"][0]["args"] == ["Anna's draft.txt"]
    assert backend.requests[0].messages[-1].content == "remove kappa.txt"


async def test_a_general_model_reads_the_name_itself() -> None:
    backend = ScriptedBackend([written("Anna's draft.txt")])
    await Planner(backend=backend).plan("remove Anna's draft.txt")
    assert backend.requests[0].messages[-1].content == "remove Anna's draft.txt"


async def test_delta_reads_stand_ins_in_the_draft_as_well() -> None:
    backend = ScriptedBackend([written("x", "kappa.txt"), written("kappa.txt")], planner_tools="unix")
    generated = await Planner(PlannerConfig(role=ModelRole.BOTH), backend=backend).plan("remove é.txt")
    assert generated.tasks[0].args == ("é.txt",)
    assert json.loads(backend.requests[1].draft or "") == json.loads(written("x", "kappa.txt"))


async def test_a_name_that_is_missing_is_asked_for_once_more() -> None:
    backend = ScriptedBackend([written("b.txt"), written("a.txt")], planner_tools="unix")
    generated = await Planner(backend=backend).plan("remove a.txt")
    assert generated.tasks[0].args == ("a.txt",)
    assert "'a.txt' of the instruction stands in no argument" in backend.requests[1].messages[-1].content


async def test_a_name_that_is_missing_twice_is_no_plan() -> None:
    backend = ScriptedBackend([written("b.txt"), written("c.txt")])
    with pytest.raises(PlanInvalid, match=r"'a\.txt' of the instruction stands in no argument"):
        await Planner(backend=backend).plan("remove a.txt")


@pytest.mark.parametrize(("command", "is_refused"), [("rm", True), ("ls", False)])
async def test_another_language_is_said_and_nothing_is_done_at_random(
    command: str, *, is_refused: bool
) -> None:
    text = json.dumps({"tasks": [{"command": command, "args": ["a"]}]})
    planner = Planner(backend=ScriptedBackend([text], planner_tools="unix"))
    if is_refused:
        with pytest.raises(PlanInvalid, match="German"):
            await planner.plan("Lösche alle Dateien im Ordner")
    else:
        findings = (await planner.plan("Zeige alle Dateien im Ordner")).findings
        assert [one.rule for one in findings if one.severity == "warning"] == ["unread-language"]
    general = Planner(backend=ScriptedBackend([text]))
    assert (await general.plan("Lösche alle Dateien im Ordner")).tasks
