"""Risk of a task, from its tool and its arguments; never taken from a model or a file.

A tool has a lowest class in the registry; arguments raise it: `find -delete`, `sed -i`, a command
run by `xargs`, `sudo` or `find -exec`, an output that is saved. A tool nobody knows is judged
`runs_code`, so that the unknown is never taken for harmless.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agx.plan.patterns import WRAPPERS, is_option_value
from agx.plan.schema import Argument, Plan, Risk, Task
from agx.plan.tools import Registry

_EXEC = frozenset({"-exec", "-execdir", "-ok", "-okdir"})
_SHELLS = frozenset("sh bash dash zsh ksh csh tcsh fish eval".split())
_DATA = "\0"  # stands for a value that is known only when the plan runs
MAX_DEPTH = 8

_BY_OPTION: dict[str, dict[str, Risk]] = {
    "find": {"-delete": "destructive", "-fprint": "writes", "-fprintf": "writes", "-fls": "writes"},
    "sed": {"-i": "writes", "--in-place": "writes"},
    "perl": {"-e": "runs_code", "-i": "writes"},
    "sort": {"-o": "writes", "--output": "writes"},
    "curl": {"-o": "writes", "-O": "writes", "--output": "writes", "-T": "writes", "-d": "writes"},
    "tar": {"--to-command": "runs_code", "--checkpoint-action": "runs_code", "--use-compress-program": "runs_code"},
    "rsync": {"--delete": "destructive", "-e": "runs_code"},
    "date": {"-s": "privilege", "--set": "privilege"},
    "crontab": {"-r": "destructive"},
    "git": {"-c": "runs_code"},
    "tree": {"-o": "writes"},
    "fuser": {"-k": "destructive"},
}
_BY_WORD: dict[str, dict[str, Risk]] = {
    "git": {"clean": "destructive", "push": "network", "pull": "network", "fetch": "network", "clone": "network",
            "commit": "writes", "checkout": "writes", "reset": "destructive", "rm": "destructive", "add": "writes",
            "merge": "writes", "rebase": "writes", "stash": "writes", "restore": "destructive"},
    "systemctl": {"start": "privilege", "stop": "privilege", "restart": "privilege", "enable": "privilege",
                  "disable": "privilege", "reboot": "destructive", "poweroff": "destructive"},
}  # fmt: skip
_RUNS_IN_TEXT = {"awk": ("system(", "|"), "gawk": ("system(", "|"), "mawk": ("system(", "|")}


def with_risk(plan: Plan, registry: Registry) -> Plan:
    """Give the plan with the risk of every task computed anew."""
    tasks = tuple(task.model_copy(update={"risk": assess(task, registry)}) for task in plan.tasks)
    return plan.model_copy(update={"tasks": tasks})


def assess(task: Task, registry: Registry) -> tuple[Risk, ...]:
    """Give the risk set of one task in the fixed order of `RISKS`."""
    words = [_text(item) for item in task.args]
    found = set(_of_command(task.command, words, registry, depth=0))
    if task.save_to or task.append_to:
        found.add("writes")
        if (task.save_to or task.append_to or "").startswith("/dev/") and task.save_to != "/dev/null":
            found.add("destructive")
    return Task.model_validate(task.model_dump() | {"risk": found}).risk


def _text(item: Argument) -> str:
    """Give an argument as text; what only a run can tell is `_DATA`."""
    return item if isinstance(item, str) else getattr(item, "glob", _DATA)


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
        else:
            yield from _of_command(inner[0].rpartition("/")[2], inner[1:], registry, depth=depth + 1)


def _by_arguments(name: str, words: Sequence[str]) -> Iterator[Risk]:
    options = _BY_OPTION.get(name, {})
    for word in words:
        long = word.partition("=")[0]
        for option, risk in options.items():
            clustered = len(option) == 2 and word.startswith(option) and not word.startswith("--")
            if option in (word, long) or (clustered and name in ("sed", "perl", "curl", "sort")):
                yield risk
        if any(sign in word for sign in _RUNS_IN_TEXT.get(name, ())):
            yield "runs_code"
    operands = [word for word in words if not word.startswith("-")]
    if operands and operands[0] in _BY_WORD.get(name, {}):
        yield _BY_WORD[name][operands[0]]
    if name == "sed" and any(_sed_runs(word) for word in operands[:1]):
        yield "runs_code"
    if name == "dd" and any(word.startswith("of=/dev/") for word in words):
        yield "destructive"
    if name == "cp" and operands[:1] == ["/dev/null"]:
        yield "destructive"


def _sed_runs(script: str) -> bool:
    """Say whether a sed script may run a command (`e`) or write a file (`w`)."""
    last = script.rstrip("}; ").rpartition("/")[2]
    return script[:1] in ("e", "w") or ("s" in script[:1] and ("e" in last or "w" in last))


def _inner_commands(name: str, words: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the argument vectors of commands that this one runs."""
    if name == "find":
        for index, word in enumerate(words):
            if word in _EXEC:
                ends = [at for at in range(index + 1, len(words)) if words[at] in (";", "+")]
                yield words[index + 1 : ends[0] if ends else len(words)]
    elif name in WRAPPERS:
        start = _first_operand(name, words)
        if start < len(words):
            yield words[start:]


def _first_operand(name: str, words: Sequence[str]) -> int:
    at = 0
    while at < len(words):
        word = words[at]
        if word.startswith("-") and len(word) > 1:
            at += 2 if is_option_value(name, word) else 1
        elif (name == "env" and "=" in word) or (name == "timeout" and at == _duration(words)):
            at += 1
        else:
            return at
    return at


def _duration(words: Sequence[str]) -> int:
    """Give the place of timeout's duration: its first operand."""
    return next((at for at, word in enumerate(words) if word[:1].isdigit()), -1)
