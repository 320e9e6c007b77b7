"""llama.cpp in this process: the only importer of llama_cpp, its log, and its return codes as errors.

`lib` is llama_cpp's low-level module, imported without the package around it, which would load
numpy, jinja2 and diskcache. The other modules here call its functions; handles are addresses.
"""

from __future__ import annotations

import ctypes
import re
import sys
import typing
from collections import deque
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from agx.errors import MachineError, OutOfMemory, PromptTooLong
from agx.util.imports import bare_package, substituted

# Of typing_extensions the bindings need only what typing has as well.
with bare_package("llama_cpp"), substituted("typing_extensions", typing):
    lib = import_module("llama_cpp.llama_cpp")
    _loader = import_module("llama_cpp._ctypes_extensions")

_DEBUG, _ERROR, _CONTINUED = 1, 4, 5
_LOG_LINES = 200
_DECODED, _NO_SLOT, _ABORTED, _ALLOCATION_FAILED = 0, 1, 2, -2


class Log:
    """The last lines that llama.cpp logged; `sink` is called with each new one.

    There is one for the process, `log` below, because llama.cpp has only one.
    """

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=_LOG_LINES)
        self.last_error = ""
        self.first_error = ""  # the first error since it was last cleared: later ones follow from it
        self.sink: Callable[[str], None] | None = None

    def write(self, level: int, text: bytes, _data: object) -> None:
        """Take a piece of the log; llama.cpp calls this from its own threads."""
        line = text.decode("utf-8", errors="replace").rstrip()
        if not line or level == _DEBUG:
            return
        if level == _CONTINUED and self.lines:
            self.lines[-1] += line
            return
        self.lines.append(line)
        if level == _ERROR:
            self.last_error = line
            self.first_error = self.first_error or line
        if self.sink is not None:
            self.sink(line)


log = Log()
# llama.cpp keeps the address of this object, so it has to live as long as the process.
_log_callback = lib.llama_log_callback(log.write)
lib.llama_log_set(_log_callback, None)
lib.llama_backend_init()


def system_info() -> str:
    """Return llama.cpp's line about the CPU features and backends of this build."""
    return text(lib.llama_print_system_info())


def version() -> str:
    """Return the version of llama-cpp-python from its source, which is faster than from its metadata."""
    package = Path(str(lib.__file__)).with_name("__init__.py").read_text(encoding="utf-8")
    found = re.search(r"""^__version__ = ["'](.+)["']$""", package, re.MULTILINE)
    return found[1] if found else "of unknown version"


def build() -> str:
    """Return the name of the build, for a plan's metadata."""
    return f"llama-cpp-python {version()}"


def needs_amx_guard() -> bool:
    """Return whether this build uses AMX, which GCC 12 compiles into a crash at the first product."""
    return "AMX_INT8 = 1" in system_info()


def text(data: object) -> str:
    """Return a C string as text; invalid UTF-8 becomes U+FFFD, and a null pointer the empty text."""
    return data.decode("utf-8", errors="replace") if isinstance(data, bytes) else ""


def ggml_function(name: str, result: type | None, *arguments: type) -> Callable[..., object]:
    """Return a function of ggml from its shared libraries; the bindings do not declare it."""
    for library in ("ggml", "ggml-base"):
        shared = _loader.load_shared_library(library, lib._base_path)  # noqa: SLF001 - the only way to it
        function = getattr(shared, name, None)
        if function is not None:
            function.restype, function.argtypes = result, list(arguments)
            return function  # type: ignore[no-any-return]  # ctypes has no types for it
    raise MachineError(f"this build of llama.cpp has no {name}", hint="install llama-cpp-python again")


def filled(parameters: ctypes.Structure, values: Mapping[str, object]) -> ctypes.Structure:
    """Return llama.cpp's parameters with these values; a name that they do not have is an error here."""
    known = {name for name, *_ in type(parameters)._fields_}
    assert values.keys() <= known, "a ctypes structure takes unknown names silently"
    for name, value in values.items():
        setattr(parameters, name, value)
    return parameters


def abort_callback(flag: ctypes.Array[ctypes.c_char]) -> object:
    """Return an abort callback for llama.cpp that is true as soon as `flag[0]` is not zero.

    It is libc's `strlen`: a callback in Python would take the interpreter's lock at every node of the
    graph. C reads the low byte of the result as a boolean, and the length of a one-byte string is 1.
    """
    libc = ctypes.CDLL("msvcrt") if sys.platform == "win32" else ctypes.CDLL(None)
    assert len(flag) == 2
    return ctypes.cast(libc.strlen, lib.ggml_abort_callback)


def progress_callback(on_progress: Callable[[float], None] | None) -> object:
    """Return a callback for the progress of a load, which never stops the load.

    A load is given up by ending the process. The callback must live as long as the load.
    """

    def callback(fraction: float, _data: object) -> bool:
        if on_progress is not None:
            on_progress(fraction)
        return True

    return lib.llama_progress_callback(callback)


def was_aborted(code: int) -> bool:
    """Return whether `llama_decode` was aborted, by its return code; raises for any other failure."""
    if code in (_DECODED, _ABORTED):
        return code == _ABORTED
    if code == _NO_SLOT:
        raise PromptTooLong("the context is full", hint="use a larger context or a shorter prompt")
    if code == _ALLOCATION_FAILED:
        raise OutOfMemory("llama.cpp could not allocate memory for a batch", hint="use a smaller context")
    raise MachineError(f"llama.cpp failed to compute a batch (code {code}): {log.last_error}")
