"""Risk of a task, from its tool and its arguments; never taken from a model or a file.

A tool has a lowest class in the registry; arguments raise it: `find -delete`, `sed -i`, a command
run by `xargs`, `sudo` or `find -exec`, an output that is saved. A tool nobody knows is judged
`runs_code`, so that the unknown is never taken for harmless.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agx.plan.patterns import BIN_FOLDERS, EXEC_OPTIONS, WRAPPERS, is_before_command, is_option_value
from agx.plan.risk_scripts import awk_risks, sed_risks
from agx.plan.schema import RISKS, Argument, Env, Glob, Plan, Risk, Task, TaskOutput
from agx.plan.tools import Registry

_SHELLS = frozenset("sh bash dash zsh ksh csh tcsh fish eval".split())
_RUNS_OTHERS = WRAPPERS | {"strace", "setarch", "parallel", "chroot"}
_AWKS = frozenset("awk gawk mawk nawk".split())
_SEDS = frozenset("sed gsed".split())
_HARMLESS_DEVICES = frozenset("/dev/null /dev/stdout /dev/stderr /dev/tty".split())
_DATA = "\0"  # stands for a value that is known only when the plan runs
MAX_DEPTH = 8

_BY_OPTION: dict[str, dict[str, Risk]] = {
    "find": {"-delete": "destructive", "-fprint": "writes", "-fprint0": "writes", "-fprintf": "writes",
             "-fls": "writes"},
    "sed": {"-i": "writes", "--in-place": "writes"},
    "gsed": {"-i": "writes", "--in-place": "writes"},
    "perl": {"-e": "runs_code", "-E": "runs_code", "-i": "writes"},
    "env": {"-S": "runs_code", "--split-string": "runs_code"},
    "sort": {"-o": "writes", "--output": "writes", "--compress-program": "runs_code"},
    "curl": {"-o": "writes", "-O": "writes", "--output": "writes", "--remote-name": "writes", "-T": "writes",
             "--upload-file": "writes", "-d": "writes", "--data": "writes"},
    "tar": {"--to-command": "runs_code", "--checkpoint-action": "runs_code", "-I": "runs_code",
            "--use-compress-program": "runs_code", "--remove-files": "destructive"},
    "rsync": {"--delete": "destructive", "--delete-before": "destructive", "--delete-during": "destructive",
              "--delete-after": "destructive", "--delete-excluded": "destructive", "-e": "runs_code",
              "--remove-source-files": "destructive", "--rsh": "runs_code"},
    "date": {"-s": "privilege", "--set": "privilege"},
    "crontab": {"-r": "destructive"},
    "git": {"-c": "runs_code"},
    "tree": {"-o": "writes"},
    "fuser": {"-k": "destructive", "--kill": "destructive"},
}  # fmt: skip
# Which letters of a cluster such as `-ni` take the rest of it as their value.
_LETTERS_WITH_VALUE = {
    "sed": "efli", "gsed": "efli", "perl": "eEIMmiFxCD", "sort": "ktoST",
    "curl": "oTdHAbceuxXFmCrwyYzKDEPQtU", "rsync": "eBMTf",
    "date": "dfrsI", "crontab": "u", "tar": "fIbCFgHKLNTVX", "fuser": "nN", "env": "uCS",
}  # fmt: skip
_BY_WORD: dict[str, dict[str, Risk]] = {
    "git": {"clean": "destructive", "push": "network", "pull": "network", "fetch": "network",
            "clone": "network", "commit": "writes", "checkout": "writes", "reset": "destructive",
            "rm": "destructive", "add": "writes", "merge": "writes", "rebase": "writes", "stash": "writes",
            "restore": "destructive"},
    "systemctl": {"start": "privilege", "stop": "privilege", "restart": "privilege", "enable": "privilege",
                  "disable": "privilege", "reboot": "destructive", "poweroff": "destructive"},
}  # fmt: skip


def with_risk(plan: Plan, registry: Registry) -> Plan:
    """Give the plan with the risk of every task computed anew."""
    tasks = tuple(task.model_copy(update={"risk": assess(task, registry)}) for task in plan.tasks)
    return plan.model_copy(update={"tasks": tasks})


def assess(task: Task, registry: Registry) -> tuple[Risk, ...]:
    """Give the risk set of one task in the fixed order of `RISKS`."""
    words = [_text(item) for item in task.args]
    found = set(_of_command(task.command, words, registry, depth=0))
    path = task.save_to or task.append_to
    if path is not None:
        found.add("writes")
        if path.startswith("/dev/") and path not in _HARMLESS_DEVICES:
            found.add("destructive")
    return tuple(risk for risk in RISKS if risk in found)


def _text(item: Argument) -> str:
    """Give an argument as text; what only a run can tell is `_DATA`."""
    if isinstance(item, str):
        return item
    if isinstance(item, Glob):
        return item.glob
    if isinstance(item, Env | TaskOutput):
        return _DATA
    return "".join(_text(part) for part in item.text)


def _of_command(name: str, words: Sequence[str], registry: Registry, *, depth: int) -> Iterator[Risk]:
    tool = registry.get(name)
    if depth > MAX_DEPTH or tool is None:
        yield "runs_code"
        return
    yield from tool.risk
    if tool.schema is not None:
        return
    if name in _SHELLS:
        yield "runs_code"
    yield from _by_arguments(name, words)
    for inner in _inner_commands(name, words):
        if not inner or _DATA in inner[0]:
            yield "runs_code"
            continue
        folder, slash, base = inner[0].rpartition("/")
        if folder + slash not in ("", *BIN_FOLDERS):
            yield "runs_code"  # whatever lies there, it need not be the tool of that name
        yield from _of_command(base, inner[1:], registry, depth=depth + 1)


def _by_arguments(name: str, words: Sequence[str]) -> Iterator[Risk]:
    known = _BY_OPTION.get(name, {})
    for given in _options(name, words):
        yield from (risk for option, risk in known.items() if _is_option(given, option))
    operands = _operands(name, words)
    if operands and operands[0] in _BY_WORD.get(name, {}):
        yield _BY_WORD[name][operands[0]]
    if name in _AWKS:
        yield from (risk for word in words for risk in awk_risks(word))
    if name in _SEDS:
        yield from (risk for script in _sed_scripts(words, operands) for risk in sed_risks(script))
    if name == "dd" and any(word.startswith("of=/dev/") for word in words):
        yield "destructive"
    if name == "cp" and operands[:1] == ["/dev/null"]:
        yield "destructive"


def _options(name: str, words: Sequence[str]) -> Iterator[str]:
    """Yield the options among the words: whole, and of a cluster each letter."""
    with_value = _LETTERS_WITH_VALUE.get(name)
    for word in words:
        if word.startswith("--"):
            yield word.partition("=")[0]
        elif word.startswith("-"):
            yield word
            for letter in word[1:] if with_value is not None else "":
                yield "-" + letter
                if letter in (with_value or ""):
                    break


def _is_option(given: str, option: str) -> bool:
    """Say whether an option was given, a long one perhaps by the beginning of its name."""
    return given == option or (given.startswith("--") and len(given) > 4 and option.startswith(given))


def _operands(name: str, words: Sequence[str]) -> list[str]:
    """Give the words that are neither options nor, where that is known, their values."""
    before = ["", *words]
    pairs = zip(before, words, strict=False)
    return [word for last, word in pairs if not word.startswith("-") and not is_option_value(name, last)]


def _sed_scripts(words: Sequence[str], operands: Sequence[str]) -> Iterator[str]:
    """Yield sed's scripts: after `-e`, joined to it or to `--expression=`, else the first operand."""
    for last, word in zip(["", *words], words, strict=False):
        cluster = last.startswith("-") and not last.startswith("--") and last.endswith("e")
        if cluster or last == "--expression":
            yield word
        elif word.startswith("-e") and len(word) > 2:
            yield word[2:]
        elif word.startswith("--expression="):
            yield word.partition("=")[2]
    yield from operands[:1]


def _inner_commands(name: str, words: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the argument vectors of commands that this one runs."""
    if name == "find":
        for index, word in enumerate(words):
            if word in EXEC_OPTIONS:
                ends = [at for at in range(index + 1, len(words)) if words[at] in (";", "+")]
                yield words[index + 1 : ends[0] if ends else len(words)]
    elif name in _RUNS_OTHERS:
        start = _first_operand(name, words)
        if start < len(words):
            yield words[start:]


def _first_operand(name: str, words: Sequence[str]) -> int:
    """Give the place of the inner command's name, or the number of words where there is none."""
    at = 0
    while at < len(words):
        word = words[at]
        if word.startswith("-") and len(word) > 1:
            at += 2 if is_option_value(name, word) else 1
        elif is_before_command(name, word):
            at += 1
        else:
            break
    return at
