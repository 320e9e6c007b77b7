"""What was pulled before, found by what it was pulled as: names to files without any network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from agx.errors import AgxError, ModelMissing
from agx.models.catalog import load_catalog
from agx.models.fetch.hub import Listed, choose, parts_of
from agx.models.manifest import Manifest, Record
from agx.models.sources import HubChoice, HubFile, Source, WebFile, parse_source


def known_source(text: str) -> Source | None:
    """Read what a model is called, or look it up in the catalogue; None where that has no such name.

    Raises `UsageError` for what can be no name of a model to fetch.
    """
    source = parse_source(text)
    entry = None if source is not None else load_catalog().get(text.lower())
    if entry is None:
        return source
    return HubChoice(entry.repository, entry.quantisation, preferred=entry.file)


def pulled_file(text: str, folder: Path | None) -> Path | None:
    """Return the file of a model that was pulled as `text`; None where that is no name of one to fetch.

    Raises `ModelMissing` where it has not been pulled, and `UsageError`.
    """
    source = known_source(text)
    if source is None or isinstance(source, WebFile):
        return None
    records = None if folder is None else find_pulled(source, Manifest(folder))
    if folder is None or records is None or not (folder / records[0].file).is_file():
        raise ModelMissing(f"the model {text} has not been pulled", hint=f"pull it: agx models pull {text}")
    return folder / records[0].file


def find_pulled(source: Source, manifest: Manifest) -> list[Record] | None:
    """Return the records of a model's files; None where it was not pulled, or where several may be meant."""
    by_source = {record.source: record for record in manifest.records().values()}
    if isinstance(source, HubChoice):
        chosen = _chosen(source, by_source)
        if chosen is None:
            return None
        source = chosen
    wanted = [str(source)]
    if isinstance(source, HubFile):
        wanted = [str(replace(source, path=path)) for path in parts_of(source.path)]
    found = [by_source[name] for name in wanted if name in by_source]
    return found if len(found) == len(wanted) else None


def _chosen(source: HubChoice, by_source: Mapping[str, Record]) -> HubFile | None:
    begin = f"{HubFile(source.repository, '')}"
    files = [Listed(name.removeprefix(begin), 0) for name in by_source if name.startswith(begin)]
    try:
        return HubFile(source.repository, choose(files, source).path)
    except AgxError:
        return None
