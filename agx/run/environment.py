"""What a task gets of the environment: nothing that gives a harmless program options or programs to run.

`LESSOPEN` names a program that `less` runs for every file, `TAR_OPTIONS` may say `--to-command=…`, and
`LD_PRELOAD` puts code into any program. A plan that sets such a variable is `runs_code`
(`agx.risk.effects`). Where one is inherited, a task that is not `runs_code` does not get it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from agx.plan.schema import Task
from agx.plan.tools import Registry
from agx.risk.assess import assess, inner_commands
from agx.run.git_reading import is_reading
from agx.unix.calls import Call

ANY = "any program"
NOT_PASSED_ON: Mapping[str, tuple[str, ...]] = {
    ANY: tuple("LD_PRELOAD LD_AUDIT DYLD_INSERT_LIBRARIES GCONV_PATH".split()),
    "less zless xzless zmore": tuple(
        "LESS LESSOPEN LESSCLOSE LESSKEY LESSKEYIN LESSKEY_CONTENT LESSKEY_SYSTEM LESSKEYIN_SYSTEM".split()
    ),
    "man apropos whatis": tuple("MANPAGER PAGER MANOPT MANROFFOPT MANROFFSEQ".split()),
    "grep egrep fgrep rgrep zgrep": ("GREP_OPTIONS", "GREP"),
    "rg": ("RIPGREP_CONFIG_PATH",),
    "ack ag": tuple("ACKRC ACK_OPTIONS ACK_PAGER ACK_PAGER_COLOR".split()),
    "bat batcat": tuple("BAT_CONFIG_PATH BAT_CONFIG_DIR BAT_OPTS BAT_PAGER".split()),
    "fzf": tuple("FZF_DEFAULT_COMMAND FZF_DEFAULT_OPTS FZF_DEFAULT_OPTS_FILE".split()),
    "tar gtar bsdtar star": ("TAR_OPTIONS", "TAR_WRITER_OPTIONS", "TAR_READER_OPTIONS"),
    "gzip gunzip zcat pigz xz unxz xzcat zip unzip zipinfo": tuple(
        "GZIP PIGZ XZ_OPT XZ_DEFAULTS ZIPOPT UNZIP UNZIPOPT ZIPINFO ZIPINFOOPT".split()
    ),
    "bash sh zgrep zless zcat xzgrep which": tuple("BASH_ENV ENV SHELLOPTS BASHOPTS PS4".split()),
    "awk gawk": ("AWKPATH", "AWKLIBPATH", "GAWK_PERSIST_FILE"),
    "python python3": ("PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONWARNINGS", "PYTHONBREAKPOINT"),
    "perl ack exiftool": ("PERL5OPT", "PERL5DB"),
    "ruby": ("RUBYOPT",),
    "node": ("NODE_OPTIONS",),
    "java": ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS"),
    "openssl": ("OPENSSL_CONF", "OPENSSL_ENGINES", "OPENSSL_MODULES"),
}
"""The variables, by the programs that read them. They are kept from every task all the same."""

_SHOW_ALL = ("env", "printenv")
_FUNCTIONS = "BASH_FUNC_"  # what bash exports a function as


class TaskEnviron(NamedTuple):
    """The environment of a task; `missing` names what it would have read, and `is_git` a reading of Git."""

    environ: Mapping[str, str]
    missing: tuple[str, ...]
    is_git: bool


def environ_of(task: Task, registry: Registry, environ: Mapping[str, str]) -> TaskEnviron:
    """Return what a task gets of the environment."""
    risk = set(own_risk(task, registry))
    if "runs_code" in risk:
        return TaskEnviron(environ, (), is_git=False)
    kept = {name: value for name, value in environ.items() if not _is_kept_back(name)}
    named = [name for name in _read_by({*inner_commands(task)}) if name in environ]
    return TaskEnviron(kept, tuple(named), is_git=is_reading(Call.of(task), risk))


def own_risk(task: Task, registry: Registry) -> tuple[str, ...]:
    """Return the risk of what a task does, whatever becomes of its output."""
    return assess(task.model_copy(update={"save_to": None, "append_to": None}), registry)


def _is_kept_back(name: str) -> bool:
    return name.startswith(_FUNCTIONS) or any(name in names for names in NOT_PASSED_ON.values())


def _read_by(commands: set[str]) -> Iterator[str]:
    """Yield the variables that some of these commands read, or show."""
    for programs, names in NOT_PASSED_ON.items():
        if programs == ANY or not commands.isdisjoint((*programs.split(), *_SHOW_ALL)):
            yield from names
