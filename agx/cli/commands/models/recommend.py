"""`agx models recommend`: which models suit this machine."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from agx.cli.shared_options import App, GivenSettings, debug_option, json_option
from agx.cli.show.output import is_terminal, write_result
from agx.util.texts import visible, visible_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agx.models.recommendation import Hardware, Recommendation

EPILOG = """\b
Examples:
  agx models recommend
  agx models recommend --json | jq -r '.to_pull[]'

Looks at memory, GPUs and cores. Sizes and speeds are estimates: `agx models fit` knows better of a file
that is here, and what `agx models bench` measured is used, and named as measured.
"""


@click.command(epilog=EPILOG, short_help="Say which models suit this machine.")
@json_option
@debug_option
@click.pass_obj
def recommend(app: App, /, *, as_json: bool) -> None:
    """Choose Echo and Delta for this machine, and say why."""
    from dataclasses import replace

    from agx.app.hardware import known_speeds, this_machine
    from agx.models.catalog import load_catalog
    from agx.models.recommendation import recommend as choose

    settings, catalog = GivenSettings().read(app.notes), load_catalog().values()
    hardware = replace(this_machine(), known=known_speeds(settings, catalog))
    chosen = choose(catalog, hardware)
    if as_json or not is_terminal(sys.stdout):
        data = chosen.to_dict() | {"hardware": _hardware_dict(hardware)}
        write_result(visible_json(json.dumps(data, indent=2)))
    else:
        write_result("\n".join(_lines(chosen, hardware)))


def _hardware_dict(hardware: Hardware) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(hardware)


def _lines(chosen: Recommendation, hardware: Hardware) -> Iterator[str]:
    from agx.cli.show.tables import columns

    memory = (
        "unknown memory"
        if hardware.memory_bytes is None
        else f"{hardware.memory_bytes / 1e9:.1f} GB of memory"
    )
    cores = "1 core" if hardware.cores == 1 else f"{hardware.cores} cores"
    gpus = ", ".join(f"{visible(gpu.name)} with {gpu.memory_bytes / 1e9:.1f} GB" for gpu in hardware.gpus)
    yield f"This machine has {memory}, {cores} and {gpus or 'no GPU that this build can use'}."
    yield ""
    yield f"Echo   {chosen.echo}"
    yield f"Delta  {chosen.delta}"
    yield f"On the {chosen.device.upper()}: {chosen.reason}."
    yield ""
    rows = [("model", "role", "suits", "why")]
    rows += [(one.name, one.role, "yes" if one.suits else "no", one.reason) for one in chosen.considered]
    yield columns(rows)
    if chosen.to_pull:
        yield ""
        yield f"agx models pull {' '.join(chosen.to_pull)}"
        yield f"export AGX_ECHO_MODEL={chosen.echo} AGX_DELTA_MODEL={chosen.delta}"
