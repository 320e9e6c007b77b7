"""`agx models verify`: whether models are what was fetched."""

from __future__ import annotations

from functools import partial
from shlex import quote
from typing import TYPE_CHECKING

import click

from agx.app.configure import models_folder
from agx.cli.shared_options import App, GivenSettings, debug_option, json_option
from agx.cli.show.output import shown_json, write_result
from agx.util.texts import visible

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
    verifications = []
    for model in found:
        verification = _verification(model, folder, view=view)
        verifications.append(verification)
        if not as_json:
            write_result(_line(verification))
    if as_json:
        rows = [verification.to_dict() for verification in verifications]
        write_result(shown_json(rows))
    elif not found:
        write_result(f"there are no models in {visible(str(folder))}")
    return _report(app, verifications)


def _verification(model: ListedModel, folder: Path | None, *, view: TransferView) -> Verification:
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


def _line(verification: Verification) -> str:
    name = visible(verification.model.name)
    if verification.problem:
        label = "partial" if verification.model.kind == "part" else "damaged"
        return f"{label:8} {name}: {visible(verification.problem)}"
    how = "hash and header" if verification.is_hashed else "header; no hash was recorded to compare with"
    return f"ok       {name}: {how}"


def _report(app: App, verifications: Sequence[Verification]) -> int:
    """Say what to do about what is damaged; returns the exit code."""
    bad = [verification.model for verification in verifications if verification.problem]
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
