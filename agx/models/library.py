"""The models on this machine: in the models folder, half fetched, embedded, and Ollama's.

A damaged file is listed with what is wrong with it. Only files in the models folder are ever removed.
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
class ListedModel:
    """One model. `name` is what `--model` takes, `source` what it was pulled as, if that is known.

    `problem` says why it cannot be used. A half-fetched model has `fetched_bytes` of `size_bytes`.
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
            "purpose": card.purpose.kind if card else None,
            "architecture": card.architecture if card else None,
            "quantisation": card.main_type if card else None,
            "num_parameters": card.num_parameters if card else None,
            "context_length": card.context_length if card else None,
            "source": self.source or None,
            "problem": self.problem or None,
        }
        return data | ({} if self.fetched_bytes is None else {"fetched_bytes": self.fetched_bytes})


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of verifying a model; `problem` is empty for a good one.

    `is_hashed`: its hash was on record, and was compared.
    """

    model: ListedModel
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


def list_models(folder: Path | None) -> list[ListedModel]:
    """Return all models, the embedded planner first; raises `StorageError` for an unreadable folder."""
    return [_model(EMBEDDED, "embedded", embedded_model()), *in_folder(folder), *_of_ollama()]


def in_folder(folder: Path | None) -> list[ListedModel]:
    """Return the models in the models folder, half-fetched ones too; raises `StorageError`."""
    if folder is None:
        return []
    try:
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageError(f"{folder} cannot be read: {error.strerror}", hint="look at its rights") from error
    records = Manifest(folder).records()
    models, listed = [], set[str]()
    for name in names:
        if name.lower().endswith(ENDING) and name not in listed:
            source = records[name].source if name in records else ""
            models.append(_model(Path(name).stem, "file", folder / name, source=source))
            listed.update(parts_of(name) if _is_split(name) else ())
        elif name.lower().endswith(f"{ENDING}{PART}"):
            models.append(_half_fetched(folder / name.removesuffix(PART)))
    return models


def find(name: str, folder: Path | None) -> ListedModel:
    """Return the model of this name, or that was pulled as this.

    Raises `ModelMissing` where there is none, and `UsageError` for an impossible name.
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
    model: ListedModel,
    folder: Path | None,
    *,
    started: Callable[[str, int], None],
    goes_on: Callable[[int], bool],
) -> Verification:
    """Read a model through: its header, and its hash where a record or its name has one.

    `started` is called with each file's name and size in bytes, `goes_on` with the bytes read so far.
    """
    if model.kind == "part":
        return Verification(model, is_hashed=False, problem="it is not fetched to its end")
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
                return Verification(model, is_hashed=True, problem=f"{path.name} is not what was fetched")
            if digest is not None and folder is not None:
                HashMemory(folder / HASHES_NAME).put(path, digest, version=version)
    except AgxError as error:
        return Verification(model, is_hashed=False, problem=error.message)
    except OSError as error:
        return Verification(model, is_hashed=False, problem=f"it cannot be read: {error.strerror}")
    return Verification(model, is_hashed)


def remove(model: ListedModel, folder: Path) -> int:
    """Remove a model from the models folder, with its record and its parts; returns the bytes freed.

    The target of a link stays. Raises `UsageError` for a model outside the folder, and `StorageError`.
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


def _model(name: str, kind: Kind, path: Path, *, source: str = "") -> ListedModel:
    try:
        card = read_card(path)
    except AgxError as error:
        size = path.stat().st_size if path.is_file() else None
        return ListedModel(name, kind, (path,), size, problem=error.message, source=source)
    problem = "" if card.purpose.is_text else card.purpose.text
    return ListedModel(name, kind, card.files, card.size_bytes, card, problem=problem, source=source)


def _half_fetched(target: Path) -> ListedModel:
    state = read_state(target)
    fetched = 0 if state is None else state.ranges.num_bytes
    return ListedModel(
        target.stem,
        "part",
        (target,),
        None if state is None else state.version.size_bytes,
        problem="not fetched to its end",
        source="" if state is None else state.version.source,
        fetched_bytes=fetched,
    )


def _of_ollama() -> Iterator[ListedModel]:
    """Yield Ollama's models; one that cannot be used says why."""
    for name in ollama_names(ollama_folders())[:_MAX_OLLAMA]:
        text = f"ollama:{name}"
        try:
            yield _model(text, "ollama", ollama_model(str(name)))
        except AgxError as error:
            yield ListedModel(text, "ollama", (), problem=error.message)


def ollama_names(folders: Sequence[Path]) -> list[OllamaName]:
    """Return the names of the models that have a manifest in these folders."""
    found = {}
    for folder in folders:
        try:
            manifests = sorted((folder / "manifests").glob("*/*/*/*"))
        except OSError:  # this user may not read them
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
    """Remove a file if it exists, and return the bytes that this frees."""
    try:
        size = 0 if path.is_symlink() else path.stat().st_blocks * 512
        path.unlink()
    except FileNotFoundError:
        return 0
    return size
