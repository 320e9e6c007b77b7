"""Reading Git commands start nothing: the programs that a repository's settings name are switched off.

`git status` runs what `core.fsmonitor` names, `git diff` an external diff, text conversions and filters, and
so on (git-config(1), gitattributes(5)); a folder from elsewhere brings such settings with it. A Git command
that is judged as reading gets settings and options of AGX's own, in front of the plan's words:

- settings by `-c`, which go before those of every file;
- options where settings do not help: external diffs and text conversions have names of their own, and a
  submodule has settings of its own, so that Git may not look whether it was changed inside;
- filters, which `git status` runs over changed files, by the names that the settings have at that moment;
- variables: no hook, no lock, no transfer (a clone that is not whole fetches what it lacks, by any program).

`git config` and `git var` run nothing and show the settings, so that they get none. Options of the plan that
ask for such a program are judged `runs_code`, and nothing is switched off then.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace

from agx.run.program import Program
from agx.run.record import TaskProblem
from agx.unix.calls import Call
from agx.unix.command_specs import exact_spec
from agx.unix.runs import read_call

VARIABLES: Mapping[str, str] = {
    "GIT_ALLOW_PROTOCOL": "",  # none
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
_DROPPED = ("GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_EXEC_PATH", "GIT_TRACE")  # and what begins as the last
_HOOKS = "core.hooksPath=/dev/null"
_SETTINGS = (
    "core.fsmonitor=false",
    _HOOKS,
    "core.pager=cat",
    "core.alternateRefsCommand=false",
    "diff.submodule=short",
    "status.submoduleSummary=false",
    "submodule.recurse=false",
    "log.diffMerges=separate",  # `remerge` runs merge drivers
    "log.showSignature=false",
    "gpg.program=false",
    "gpg.openpgp.program=false",
    "gpg.x509.program=false",
    "gpg.ssh.program=false",
)
_OF_DIFF = ("--no-ext-diff", "--no-textconv")
_OUTSIDE = "--ignore-submodules=dirty"
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("log", "show", "whatchanged", "diff-tree", "stash list", "stash show"), _OF_DIFF),
    **dict.fromkeys(("reflog", "reflog show"), _OF_DIFF),
    **dict.fromkeys(("diff", "diff-index", "diff-files"), (*_OF_DIFF, _OUTSIDE)),
    **dict.fromkeys(("blame", "annotate", "grep"), ("--no-textconv",)),
    **dict.fromkeys(("archive", "hash-object"), ()),
    "status": (_OUTSIDE,),
}
_SHOWING = ("config", "var")
_VERBS = {"stash": ("list", "show"), "reflog": ("show", "list", "exists")}
_FILTERS = r"^filter\..*\.(clean|smudge|process|required)$"
_FILTER = re.compile(r"(filter\..*)\.(?:clean|smudge|process|required)", re.DOTALL)
_FILTER_OFF = ("clean=", "smudge=", "process=", "required=false")
_ASKING_SECS = 20


def is_reading(call: Call, risk: set[str]) -> bool:
    """Return whether a call with this risk is a reading Git command, which is to start nothing.

    One that only puts what it reads into a file (`git log --output=f`) is one as well.
    """
    if call.name != "git" or not risk.isdisjoint({"runs_code", "network"}):
        return False
    *_, last = read_call(call)
    return risk <= {"reads"} or last.spec.name.removeprefix("git ") in _OPTIONS


def disarmed(program: Program) -> Program:
    """Return a reading Git command that starts no other program; raises `TaskProblem` where it cannot be.

    `program.argv` is the plan's, with the name of the command first. Asks Git for the names of filters.
    """
    inherited = {name: value for name, value in program.environ.items() if not name.startswith(_DROPPED)}
    environ = {**inherited, **VARIABLES}
    program = replace(program, environ=environ)
    name, words = program.argv[0], list(program.argv[1:])
    begin = _place_of_subcommand(words)
    if words[begin : begin + 1] in [[showing] for showing in _SHOWING]:
        return program
    values = (*_SETTINGS, *_without_filters(program, words[:begin]))
    is_asked_for = words[begin : begin + 1] == ["rev-parse"]  # `rev-parse --git-path hooks`
    settings = [word for value in values for word in ("-c", value) if not (is_asked_for and value == _HOOKS)]
    end = begin + _num_words_of_subcommand(words[begin:])
    options = _OPTIONS.get(" ".join(words[begin:end]), ())
    argv = (name, "--no-pager", *settings, *words[:end], *options, *words[end:])
    return replace(program, argv=argv)


def _place_of_subcommand(words: Sequence[str]) -> int:
    """Return the place of the first word that is neither an option of Git's own nor its value."""
    spec = exact_spec("git")
    assert spec is not None, "Git is in the table"
    place = 0
    while place < len(words) and words[place].startswith("-"):
        place += 2 if words[place] in spec.kinds else 1
    return place


def _num_words_of_subcommand(words: Sequence[str]) -> int:
    return 2 if words[1:] and words[1] in _VERBS.get(words[0], ()) else min(len(words), 1)


def _without_filters(program: Program, words: Sequence[str]) -> list[str]:
    """Return the settings that switch off every filter, as far as Git finds one here."""
    asking = ("git", *words, "config", "--null", "--name-only", "--get-regexp", _FILTERS)
    try:
        done = subprocess.run(
            asking,
            executable=program.path,
            cwd=program.folder,
            env=program.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_ASKING_SECS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TaskProblem(
            f"Git does not tell its settings: {error}", hint="see `git config --list`"
        ) from error
    names = done.stdout.decode(errors="surrogateescape").split("\0")
    filters = sorted({match[1] for match in map(_FILTER.fullmatch, names) if match})
    for name in filters:
        if "=" in name:
            raise TaskProblem(
                f"the setting {name} runs a program, and its name cannot be switched off",
                hint="remove it: git config --remove-section …",
            )
    return [f"{name}.{off}" for name in filters for off in _FILTER_OFF]
