"""What can be pulled: a file of a repository, a quantisation of one, or a URL.

All of it is text that a person typed or a server sent. A name for a file is a single name without folders;
anything else is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from agx.errors import UsageError

HUB = "hf:"
HUB_HOSTS = frozenset({"huggingface.co", "www.huggingface.co", "hf.co"})
DEFAULT_REVISION = "main"
ENDING = ".gguf"
MAX_NAME_BYTES = 200  # leaves room for `.part.json` in the 255 bytes that file systems allow
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9][\w.+-]{0,63}", re.ASCII)
_HINT = (
    "write hf:owner/repository/file.gguf, owner/repository:Q4_K_M, an http(s) URL or a name of "
    "`agx models list --catalog`"
)


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a repository, or the first part of a split one."""

    repository: str
    path: str
    revision: str = DEFAULT_REVISION

    def __str__(self) -> str:
        """Return the text, which `--model` takes as well."""
        revision = "" if self.revision == DEFAULT_REVISION else f"@{self.revision}"
        return f"{HUB}{self.repository}{revision}/{self.path}"


@dataclass(frozen=True, slots=True)
class HubChoice:
    """A repository from which to choose one file: `preferred` if it exists, else by its quantisation."""

    repository: str
    tag: str = ""
    preferred: str = ""

    def __str__(self) -> str:
        """Return the text as people type it."""
        return f"{HUB}{self.repository}" + (f":{self.tag}" if self.tag else "")


@dataclass(frozen=True, slots=True)
class WebFile:
    """A file at a URL."""

    url: str

    def __str__(self) -> str:
        """Return the URL without its secrets: user, password and query."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


Source = HubFile | HubChoice | WebFile


def parse_source(text: str) -> Source | None:
    """Return the source that a text names; None where it may be a name in the catalogue.

    Raises `UsageError` for any other text.
    """
    if text.lower().startswith(("http://", "https://")):
        return _from_url(text)
    if text.startswith("ollama:"):
        raise UsageError(
            f"{text[:120]!r} is a model of Ollama's",
            hint=f"fetch it with: ollama pull {text.removeprefix('ollama:')[:120]}; then plan with --model",
        )
    if text.startswith(HUB) or "/" in text:
        return hub_source(text.removeprefix(HUB), text=text)
    return None


def hub_source(rest: str, *, text: str) -> HubFile | HubChoice:
    """Return the source behind `hf:`; raises `UsageError` about the whole `text`."""
    owner, _, behind = rest.partition("/")
    name, slash, path = behind.partition("/")
    name, at, revision = name.partition("@") if slash else (name, "", "")
    name, colon, tag = (name, "", "") if slash else name.partition(":")
    repository = f"{owner}/{name}"
    if not _REPOSITORY.fullmatch(repository) or ".." in repository:
        raise UsageError(f"{text[:120]!r} names no repository and no known model", hint=_HINT)
    if slash:
        if at and not _TAG.fullmatch(revision):
            raise UsageError(f"{text[:120]!r} has a revision that is no name", hint=_HINT)
        return HubFile(repository, checked_path(path), revision or DEFAULT_REVISION)
    if colon and not _TAG.fullmatch(tag):
        raise UsageError(f"{text[:120]!r} has no quantisation behind its colon", hint="such as :Q4_K_M")
    return HubChoice(repository, tag)


def checked_path(path: str) -> str:
    """Return the path of a file in a repository; raises `UsageError` for one that leads out of it."""
    if any(part in {"", ".", ".."} for part in path.split("/")):
        raise UsageError(f"{path[:120]!r} is no path of a file in a repository", hint=_HINT)
    local_name(path.rpartition("/")[2])
    return path


def local_name(name: str) -> str:
    """Return a file's name in the models folder; raises `UsageError` for one that leads out of it."""
    if not name.lower().endswith(ENDING):
        raise UsageError(
            f"{name[-120:]!r} is no name of a GGUF file: it does not end in {ENDING}",
            hint="name the file with --name where the address does not",
        )
    is_plain = name.isprintable() and not name.startswith((".", "-")) and not {*'/\\:*?"<>|'} & {*name}
    if not is_plain or len(name.encode()) > MAX_NAME_BYTES:
        raise UsageError(
            f"{name[:120]!r} cannot be the name of a file in the models folder",
            hint="give it another one with --name",
        )
    return name


def _from_url(text: str) -> HubFile | WebFile:
    """Return the source at a URL; a page of the hub stands for the file that it shows."""
    if not text.isprintable() or " " in text:
        raise UsageError(f"{text[:120]!r} is no URL", hint="write it without spaces, as %20")
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").lower() if parts.port != 0 else ""
    except ValueError:  # the port is not a number, or a bracket is missing
        host = ""
    if not host:
        raise UsageError(f"{text[:120]!r} is no URL: it names no host, or a port that is none", hint=_HINT)
    words = unquote(parts.path).strip("/").split("/")
    if host in HUB_HOSTS and len(words) > 4 and words[2] in {"blob", "resolve"}:
        file = hub_source("/".join([words[0], f"{words[1]}@{words[3]}", *words[4:]]), text=text)
        assert isinstance(file, HubFile), file
        return file
    return WebFile(text)


def web_name(source: WebFile) -> str:
    """Return the file name in a URL, which need not be usable."""
    return unquote(urlsplit(source.url).path).rpartition("/")[2]
