"""`scripts/house`: the picture in CONTRIBUTING.md is that of the imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.house import PAGE, arrows, heights, picture, reachable, room_imports, with_picture

SMALL = {"top": frozenset({"middle", "bottom"}), "middle": frozenset({"bottom"}), "bottom": frozenset[str]()}


def write_package(folder: Path, **files: str) -> Path:
    """Write a package `agx` of modules and folders (`room__module`)."""
    package = folder / "agx"
    for name, text in files.items():
        path = package.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(text)
    return package


def test_the_page_shows_the_house_as_it_is() -> None:
    """When this fails, run `scripts/house`."""
    page = PAGE.read_text(encoding="utf-8")
    assert with_picture(page, picture()) == page


def test_every_import_counts_and_those_of_its_own_room_do_not(tmp_path: Path) -> None:
    package = write_package(
        tmp_path,
        errors='"""Errors."""',
        plan__schema="import agx.errors\nimport json\nfrom agx.plan import limits",
        plan__limits="",
        cli__main="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from agx.plan.schema import Plan",
        run__start="def run():\n    from agx import errors, plan",
    )
    assert room_imports(package) == {
        "cli": {"plan"},
        "errors": frozenset(),
        "plan": {"errors"},
        "run": {"errors", "plan"},
    }
    assert "    run --> plan\n    cli --> plan\n    plan --> errors\n" in picture(package)
    assert picture(package).count("| `errors` | Errors. |") == 1


def test_an_arrow_that_follows_from_others_is_left_out() -> None:
    assert arrows(SMALL) == {"top": {"middle"}, "middle": {"bottom"}, "bottom": frozenset()}
    assert reachable(SMALL, "top") == {"middle", "bottom"}
    assert heights(SMALL) == {"top": 2, "middle": 1, "bottom": 0}


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(SystemExit, match="lacks the markers"):
        with_picture("# Contributing\n", "picture")
