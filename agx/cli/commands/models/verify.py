"""`agx models verify`: whether models are what was fetched."""

from __future__ import annotations

import json
from functools import partial
from shlex import quote
from typing import TYPE_CHECKING

import click

from agx.app.configure import models_folder
from agx.cli.shared_options import App, GivenSettings, debug_option, json_option
from agx.cli.show.output import write_result
from agx.util.texts import visible, visible_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agx.cli.show.transfer import TransferView
    from agx.models.library import ListedModel, Verification

DAMAGED = 4
EPILOG = """\b
Examples:
  agx models verify
  agx models verify agx-nano

Compares the SHA-256 with the one that was recorded when the model was pulled, and reads the header.
The exit code is 4 where a model is damaged.
"""


@click.command(epilog=EPILOG, short_help="Check that models are whole.")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@json_option
@debug_option
@click.pass_obj
def verify(app: App, /, *, models: tuple[str, ...], as_json: bool) -> int:
    """Check each MODEL, or all of the models folder, against what was fetched."""
    from agx.cli.show.transfer import TransferView
    from agx.models.library import find, in_folder

    folder = models_folder(GivenSettings().read(app.notes))
    whole = (model for model in in_folder(folder) if model.kind != "part")
    found = [find(name, folder) for name in models] if models else list(whole)
    view = TransferView(is_silent=as_json)
    verdicts = []
    for model in found:
        verdict = _verdict(model, folder, view=view)
        verdicts.append(verdict)
        if not as_json:
            write_result(_line(verdict))
    if as_json:
        rows = [verdict.to_dict() for verdict in verdicts]
        write_result(visible_json(json.dumps(rows, indent=2, ensure_ascii=False)))
    elif not found:
        write_result(f"there are no models in {visible(str(folder))}")
    return _report(app, verdicts)


def _verdict(model: ListedModel, folder: Path | None, *, view: TransferView) -> Verification:
    from agx.models.library import verify as check

    read = 0

    def goes_on(done_bytes: int) -> bool:
        nonlocal read
        view.received(max(0, done_bytes - read))
        view.tick()
        read = done_bytes
        return True

    try:
        return check(model, folder, started=partial(_started, view), goes_on=goes_on)
    finally:
        view.finished()


def _started(view: TransferView, name: str, size_bytes: int) -> None:
    view.started(name, size_bytes=size_bytes, have_bytes=0)


def _line(verdict: Verification) -> str:
    name = visible(verdict.model.name)
    if verdict.problem:
        label = "partial" if verdict.model.kind == "part" else "damaged"
        return f"{label:8} {name}: {visible(verdict.problem)}"
    how = "hash and header" if verdict.is_hashed else "header; no hash was recorded to compare with"
    return f"ok       {name}: {how}"


def _report(app: App, verdicts: Sequence[Verification]) -> int:
    """Say what to do about what is damaged; returns the exit code."""
    bad = [verdict.model for verdict in verdicts if verdict.problem]
    for model in bad:
        app.notes.warning(_way_out(model))
    return DAMAGED if bad else 0


def _way_out(model: ListedModel) -> str:
    match model.kind:
        case "part":
            return f"{model.name} goes on with: agx models pull {model.source or '…'}"
        case "ollama":
            return (
                f"{model.name} is Ollama's; fetch it again: ollama pull {model.name.removeprefix('ollama:')}"
            )
        case "embedded":
            return f"{model.name} comes with AGX: install that again"
        case "file":
            again = f"; then: agx models pull {model.source}" if model.source else ""
            remove = f"agx models remove {quote(model.name)}"
            return f"remove what is damaged, and fetch it again: {remove}{again}"
