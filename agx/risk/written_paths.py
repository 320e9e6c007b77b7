"""What writing to a path means: a device, a file of the system, one that runs later, one elsewhere.

Paths are judged as they are written, without a look at the disk: a link can lead elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import normpath

from agx.plan.schema import Risk
from agx.risk.run_later import runs_later
from agx.unix.calls import DATA
from agx.unix.special_files import NETWORK_DEVICES, is_harmless

_DEVICE = re.compile(r"/dev/(?!shm/)|/proc/sysrq-trigger|/proc/kcore")
_SYSTEM = re.compile(
    r"/(?:private/)?(?:etc|bin|sbin|usr|lib\d*|libx32|boot|sys|proc|root|run|var(?!/tmp)|System|Library)(?:/|$)|/$"
)
_SCRATCH = re.compile(r"(?:/private)?(?:/var)?/tmp/|/dev/shm/")
_CLIMBS = re.compile(r"^(?:\.\./){3,}")  # so far up that it is likely meant from the root
_HOME = re.compile(r"~|\$HOME\b|\$\{HOME\}")


def risks_of_writing(path: str, *, overwrites: bool) -> Iterator[Risk]:
    """Yield the risks of writing a file: `overwrites` where it is emptied first, whatever it holds.

    A device loses what it holds; a file of the system changes the system; a file that runs something
    later (`run_later`) runs what is put there. Outside the working directory, and outside the folders for
    temporary files, overwriting a file is destructive: its owner does not expect it.
    """
    if is_harmless(path):
        return
    yield "writes"
    if path.startswith(NETWORK_DEVICES):
        yield "network"
        return
    home = _HOME.match(path)
    whole = normpath("/home/x" + path[home.end() :] if home else path)
    whole = whole[1:] if whole.startswith("//") else whole
    top = _CLIMBS.sub("/", whole)
    if _DEVICE.match(top):
        yield "destructive"
    if _SYSTEM.match(top):
        yield "privilege"
    if runs_later(path):
        yield "runs_code"
    if overwrites and _is_elsewhere(whole):
        yield "destructive"


def is_system(path: str) -> bool:
    """Return whether a path is the root folder, a folder of the system or a home folder as a whole."""
    whole = normpath(path)
    return _SYSTEM.match(whole) is not None or whole.startswith("/dev/") or whole in ("/", "//", "/home")


def _is_elsewhere(path: str) -> bool:
    is_outside = path == ".." or path.startswith(("/", "../"))
    return is_outside and not _SCRATCH.match(path) and not path.startswith(("/" + DATA, DATA))
