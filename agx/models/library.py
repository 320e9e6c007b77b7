"""The models that this machine has: in the models folder, half fetched, embedded, and Ollama's.

A damaged file is listed with what is wrong with it. Only what lies in the models folder is ever removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agx.errors import AgxError, ModelMissing, StorageError, UsageError
from agx.gguf.card import ModelCard, read_card
from agx.models.fetch.hub import parts_of
from agx.models.fetch.part import PART, part_of, read_state, state_of
from agx.models.fetch.sources import ENDING
from agx.models.hashes import HASHES_NAME, HashMemory, compute_sha256, file_version
from agx.models.ollama.in_place import OllamaName, named_digest, ollama_folders, ollama_model
from agx.models.pulled import Manifest, known_source, pulled_file
from agx.models.resolve import EMBEDDED, embedded_model
from agx.util.files import locked
from agx.util.texts import nearest

Kind = Literal["embedded", "file", "part", "ollama"]
_MAX_OLLAMA = 1000


@dataclass(frozen=True, slots=True)
class Model:
    """One model. `name` is what `--model` takes, `source` what it was pulled as, where that is known.

    `problem` says why it cannot be used. Of a part, `size_bytes` is what the whole has and
    `fetched_bytes` what is there.
    """

    name: str
    kind: Kind
    files: tuple[Path, ...]
    size_bytes: int | None = None
    card: ModelCard | None = None
    problem: str = ""
    source: str = ""
    fetched_bytes: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        card = self.card
        data: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "files": [str(path) for path in self.files],
            "size_bytes": self.size_bytes,
            "architecture": card.architecture if card else None,
            "quantisation": card.main_type if card else None,
            "num_parameters": card.num_parameters if card else None,
            "context_length": card.context_length if card else None,
            "source": self.source or None,
            "problem": self.problem or None,
        }
        return data | ({} if self.fetched_bytes is None else {"fetched_bytes": self.fetched_bytes})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a model: `problem` is empty for a good one.

    `is_hashed` says whether its hash was known, and so could be compared.
    """

    model: Model
    is_hashed: bool
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "name": self.model.name,
            "ok": not self.problem,
            "hash_compared": self.is_hashed,
            "problem": self.problem or None,
        }


def list_models(folder: Path | None) -> list[Model]:
    """Return all models, the embedded planner first; raises `StorageError` for an unreadable folder."""
    return [_model(EMBEDDED, "embedded", embedded_model()), *in_folder(folder), *_of_ollama()]


def in_folder(folder: Path | None) -> list[Model]:
    """Return the models and the parts of the models folder; raises `StorageError`."""
    if folder is None:
        return []
    try:
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageError(f"{folder} cannot be read: {error.strerror}", hint="look at its rights") from error
    records = Manifest(folder).records()
    models, seen = [], set[str]()
    for name in names:
        if name.lower().endswith(ENDING) and name not in seen:
            source = records[name].source if name in records else ""
            models.append(_model(Path(name).stem, "file", folder / name, source=source))
            seen.update(parts_of(name) if _is_split(name) else ())
        elif name.lower().endswith(f"{ENDING}{PART}"):
            models.append(_half_fetched(folder / name.removesuffix(PART)))
    return models


def find(name: str, folder: Path | None) -> Model:
    """Return the model of this name, which may also be what it was pulled as.

    Raises `ModelMissing` where there is none, and `UsageError` for what can be no name.
    """
    if name == EMBEDDED:
        return _model(EMBEDDED, "embedded", embedded_model())
    if name.startswith("ollama:"):
        return _model(name, "ollama", ollama_model(name.removeprefix("ollama:")))
    models = in_folder(folder)
    for model in models:
        if name in {model.name, model.files[0].name}:
            return model
    if known_source(name) is not None:
        path = pulled_file(name, folder)
        found = [model for model in models if path in model.files]
        if found:
            return found[0]
    raise ModelMissing(
        f"there is no model {name[:120]!r} in {folder}{nearest(name, [model.name for model in models])}",
        hint="`agx models list` shows what there is",
    )


def verify(
    model: Model, folder: Path | None, *, started: Callable[[str, int], None], goes_on: Callable[[int], bool]
) -> Verdict:
    """Read a model through: its hash, where one was recorded or its name says one, and its header.

    `started` hears each file's name and size in bytes, `goes_on` how much of it has been read.
    """
    if model.kind == "part":
        return Verdict(model, is_hashed=False, problem="it is not fetched to its end")
    is_hashed = True
    records = {} if folder is None or model.kind != "file" else Manifest(folder).records()
    try:
        read_card(model.files[0])
        for path in model.files:
            expected = records[path.name].sha256 if path.name in records else named_digest(path)
            is_hashed &= expected is not None
            version = file_version(path)
            started(path.name, version[0])
            digest = compute_sha256(path, goes_on=goes_on)
            if expected is not None and digest != expected:
                return Verdict(model, is_hashed=True, problem=f"{path.name} is not what was fetched")
            if digest is not None and folder is not None:
                HashMemory(folder / HASHES_NAME).put(path, digest, version=version)
    except AgxError as error:
        return Verdict(model, is_hashed=False, problem=error.message)
    except OSError as error:
        return Verdict(model, is_hashed=False, problem=f"it cannot be read: {error.strerror}")
    return Verdict(model, is_hashed)


def remove(model: Model, folder: Path) -> int:
    """Remove a model of the models folder, its record and what was fetched of it; gives the bytes freed.

    A link is removed, and what it points to stays. Raises `UsageError` for a model that is not the
    folder's, and `StorageError`.
    """
    if model.kind == "embedded":
        raise UsageError(f"{model.name} comes with AGX and stays", hint="`agx models list` shows the others")
    if model.kind == "ollama":
        name = model.name.removeprefix("ollama:")
        raise UsageError(f"{name} is Ollama's model", hint=f"remove it there: ollama rm {name}")
    assert all(path.parent == folder for path in model.files), model
    freed = 0
    try:
        for path in model.files:
            with locked(part_of(path), wait_secs=0):
                for each in (path, part_of(path), state_of(path)):
                    freed += _unlink(each)
            path.with_name(f".{part_of(path).name}.lock").unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"{model.files[0]} cannot be removed: {error.strerror}",
            hint="look at the folder's rights, or take it away by hand",
        ) from error
    Manifest(folder).forget(path.name for path in model.files)
    return freed


def _model(name: str, kind: Kind, path: Path, *, source: str = "") -> Model:
    try:
        card = read_card(path)
    except AgxError as error:
        size = path.stat().st_size if path.is_file() else None
        return Model(name, kind, (path,), size, problem=error.message, source=source)
    return Model(name, kind, card.files, card.size_bytes, card, source=source)


def _half_fetched(target: Path) -> Model:
    state = read_state(target)
    fetched = 0 if state is None else state.ranges.num_bytes
    return Model(
        target.stem,
        "part",
        (target,),
        None if state is None else state.version.size_bytes,
        problem="not fetched to its end",
        source="" if state is None else state.version.source,
        fetched_bytes=fetched,
    )


def _of_ollama() -> Iterator[Model]:
    """Yield Ollama's models, those that cannot be used with why."""
    for name in ollama_names(ollama_folders())[:_MAX_OLLAMA]:
        text = f"ollama:{name}"
        try:
            yield _model(text, "ollama", ollama_model(str(name)))
        except AgxError as error:
            yield Model(text, "ollama", (), problem=error.message)


def ollama_names(folders: Sequence[Path]) -> list[OllamaName]:
    """Return the names of the models that have a manifest in these folders."""
    found = {}
    for folder in folders:
        try:
            manifests = sorted((folder / "manifests").glob("*/*/*/*"))
        except OSError:  # they are not this user's to see
            continue
        for path in manifests:
            try:
                name = OllamaName.parse("/".join(path.parts[-4:-1]) + f":{path.name}")
            except UsageError:
                continue
            found[str(name)] = name
    return list(found.values())


def _is_split(name: str) -> bool:
    try:
        return len(parts_of(name)) > 1
    except UsageError:
        return False


def _unlink(path: Path) -> int:
    """Remove a file where there is one; gives the bytes that this frees."""
    try:
        size = 0 if path.is_symlink() else path.stat().st_blocks * 512
        path.unlink()
    except FileNotFoundError:
        return 0
    return size
