"""How fast a model was on this machine, and how much memory it took: measured once, and remembered.

`agx models bench` measures; `fit` and `recommend` name what was measured as measured, and use it for other
models. The memory is a convenience: where its file cannot be read, nothing counts as measured.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any

from agx.errors import StorageError
from agx.models.hashes import file_version
from agx.util.files import locked, read_bytes, replace_file
from agx.util.machine import processor, usable_cpus

NAME = "measured.json"  # in AGX_HOME
MAX_BYTES = 4 << 20
MAX_REMEMBERED = 200
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Measurement:
    """One model on one device of this machine.

    Times are in seconds: to load, of the first plan (which reads the whole prompt), of a later one with
    another instruction (median), and of one token of a prompt and of an answer. `memory_bytes` is what the
    worker held after these plans, with its weights. `parameters` and `size_bytes` are the file's.
    """

    name: str
    sha256: str
    size_bytes: int
    parameters: int
    is_dense: bool
    device: str
    build: str
    dialect: str
    measured_at: str
    load_secs: float
    first_plan_secs: float
    plan_secs: float
    prompt_token_secs: float
    answer_token_secs: float
    prompt_tokens: int
    answer_tokens: int
    memory_bytes: int | None
    processor: str
    cores: int

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    @property
    def is_of_this_machine(self) -> bool:
        """Whether it was measured with this processor, and as many cores."""
        return (self.processor, self.cores) == (processor(), usable_cpus())


class Measurements:
    """The measurements in a home folder; `home` None remembers nothing."""

    def __init__(self, home: Path | None) -> None:
        self._path = None if home is None else home / NAME

    def of(self, file: Path, *, device: str) -> Measurement | None:
        """Return what was measured with this version of a file on this machine, or None."""
        try:
            measurement = _read(self._rows().get(_key(file, device)))
        except OSError:
            return None
        return measurement if measurement is not None and measurement.is_of_this_machine else None

    def all(self) -> Sequence[Measurement]:
        """Return every measurement that was made on this machine."""
        read = (_read(row) for row in self._rows().values())
        return [each for each in read if each is not None and each.is_of_this_machine]

    def put(self, file: Path, measurement: Measurement) -> None:
        """Remember a measurement; raises `StorageError`."""
        if self._path is None:
            raise StorageError(
                "this user has no home folder to remember measurements in",
                hint="set AGX_HOME to a folder that is yours",
            )
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with locked(self._path):
                rows = self._rows()
                rows.pop(_key(file, measurement.device), None)
                rows[_key(file, measurement.device)] = measurement.as_dict()
                kept = dict(list(rows.items())[-MAX_REMEMBERED:])
                data = json.dumps({"version": _VERSION, "measurements": kept}, indent=1)
                replace_file(self._path, data.encode())
        except OSError as error:
            raise StorageError(
                f"{self._path} cannot be written: {error.strerror}", hint="look at the folder's rights"
            ) from error

    def _rows(self) -> dict[str, Any]:
        if self._path is None:
            return {}
        try:
            data = json.loads(read_bytes(self._path, limit=MAX_BYTES) or b"{}")
            rows = data["measurements"] if data["version"] == _VERSION else {}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return {}
        return dict(rows) if isinstance(rows, dict) else {}


def _key(file: Path, device: str) -> str:
    """Return the name of a file's version on a device; raises `OSError`."""
    size, time_stamp = file_version(file)
    return f"{file.resolve()} {size} {time_stamp} {device}"


_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "float": (int, float),
    "int | None": (int, type(None)),
}


def _read(row: object) -> Measurement | None:
    """Return the measurement of a row; None for one that is not of the form."""
    names = {each.name: _KINDS[str(each.type)] for each in fields(Measurement)}
    if not isinstance(row, dict) or row.keys() != names.keys():
        return None
    if not all(type(row[name]) in kinds for name, kinds in names.items()):
        return None
    numbers = [value for value in row.values() if isinstance(value, int | float)]
    return Measurement(**row) if all(isfinite(each) and each >= 0 for each in numbers) else None
