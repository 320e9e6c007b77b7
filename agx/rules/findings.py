"""Rules: what there is to say about a plan that is well formed.

Only what makes a plan impossible to run is an error; everything else is a warning or advice.
Each rule is a function from a plan and its registry to findings, listed in `RULES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from agx.plan.references import sources
from agx.plan.schema import Finding, Glob, Task
from agx.plan.tools import Registry
from agx.rules.home_folder import home_as_text
from agx.rules.line_order import equal_lines
from agx.shell.nested import nested_calls
from agx.unix.argv_reader import read_argv
from agx.unix.calls import Call
from agx.unix.options import spec_of_tool
from agx.unix.runs import Runs, read_call, runs
from agx.unix.word_roles import WordRole, has_wildcard, roles
from agx.util.texts import nearest, shortened

Rule = Callable[[Sequence[Task], Registry], Iterator[Finding]]

MAX_FOUND = 20
"""The most findings of one rule that are returned; the others come up once those are mended."""

_PRINTS_THE_UNKNOWN = "echo"  # it takes an unknown option for text
_MAX_OPTIONS_OF_A_TASK = 3
# Models give them to `ls`, which has most of their letters.
_OF_FIND = frozenset(
    "-name -iname -type -exec -size -path -mtime -mmin -maxdepth -mindepth -print -delete".split()
)
_MAX_OPTION_CHARS = 40
_MAX_SHOWN_CHARS = 80  # of what a message quotes
_TAKES_FILES = frozenset(
    "awk bzip2 cat chgrp chmod chown cksum comm cp cut diff du egrep fgrep file grep gunzip gzip head less "
    "ls md5sum mv nl paste rm sha1sum sha256sum shred sort stat strings tac tail tar touch uniq wc xz zcat "
    "zgrep".split()
)


def check(tasks: Sequence[Task], registry: Registry, *, max_tasks: int) -> tuple[Finding, ...]:
    """Return the findings of every rule, at most `MAX_FOUND` of each, errors first, then by task number."""
    findings = [finding for rule in RULES for finding in islice(rule(tasks, registry), MAX_FOUND)]
    if len(tasks) > max_tasks:
        hint = f"split the work, or allow more with --max-tasks {len(tasks)}"
        findings.append(
            Finding(
                severity="error",
                rule="too-many-tasks",
                message=f"the plan has {len(tasks)} tasks; {max_tasks} are allowed",
                hint=hint,
            )
        )
    rank = {"error": 0, "warning": 1, "advice": 2}
    return tuple(sorted(findings, key=lambda finding: (rank[finding.severity], finding.task or 0)))


def _unknown_tool(tasks: Sequence[Task], registry: Registry) -> Iterator[Finding]:
    for task in tasks:
        if task.command not in registry:
            message = f"there is no tool named {task.command!r}"
            known = nearest(task.command.rpartition("/")[2], registry.tools)
            hint = f"use a tool of the registry, or add this one to it{known}"
            yield Finding(
                severity="error", task=task.task_number, rule="unknown-tool", message=message, hint=hint
            )


def _bad_reference(tasks: Sequence[Task], registry: Registry) -> Iterator[Finding]:
    del registry
    for task in tasks:
        for number in dict.fromkeys(sources(task)):
            if not 1 <= number < task.task_number:
                message = f"it reads task {number}, which is not an earlier task"
                yield Finding(
                    severity="error",
                    task=task.task_number,
                    rule="bad-reference",
                    message=message,
                    hint="read from a task with a smaller number",
                )
            elif tasks[number - 1].saves_output:
                message = f"it reads task {number}, whose output goes to a file"
                yield Finding(
                    severity="error",
                    task=task.task_number,
                    rule="empty-reference",
                    message=message,
                    hint="read the file, or save only the last output",
                )


def _unread_output(tasks: Sequence[Task], registry: Registry) -> Iterator[Finding]:
    used = {number for task in tasks for number in sources(task)}
    for task in tasks[:-1]:
        tool = registry.get(task.command)
        only_reads = tool is not None and tool.risk == ("reads",)
        if task.task_number not in used and only_reads and not task.saves_output:
            yield Finding(
                severity="warning",
                task=task.task_number,
                rule="unread-output",
                message="no task reads its output",
                hint="let a later task read it with input_from_task",
            )


def _ignored_input(tasks: Sequence[Task], registry: Registry) -> Iterator[Finding]:
    for task in tasks:
        if task.input_from_task is None or _is_answered(tasks, task):
            continue
        tool = registry.get(_reader(task))
        if tool is not None and not tool.reads_stdin:
            yield Finding(
                severity="warning",
                task=task.task_number,
                rule="ignored-input",
                message=f"{tool.name} does not read its standard input",
                hint="pass the output as arguments, through xargs",
            )


def _reader(task: Task) -> str:
    """Return the name of the command that gets a task's standard input: in `sudo tee` the inner one.

    With `-S` sudo reads a password first.
    """
    call = Call.of(task)
    while (argv := next(read_call(call), None)) is not None and argv.spec.operands == "command":
        run = next(runs(argv), None)
        if argv.has("-S") or not isinstance(run, Runs):
            break
        call = run.call
    return call.name


def _is_answered(tasks: Sequence[Task], task: Task) -> bool:
    """Return whether a tool that does not read its input does so here: as a file, or for answers of `yes`."""
    source = task.input_from_task
    is_yes = source is not None and source <= len(tasks) and tasks[source - 1].command == "yes"
    return is_yes or any(item in ("-", "/dev/stdin") for item in task.args)


def _uniq_without_sort(tasks: Sequence[Task], registry: Registry) -> Iterator[Finding]:
    for task in tasks:
        source = task.input_from_task
        if task.command != "uniq" or source is None or source >= task.task_number:
            continue
        if equal_lines(tasks, source, registry) != "together":
            yield Finding(
                severity="warning",
                task=task.task_number,
                rule="uniq-without-sort",
                message="uniq drops only neighbouring duplicates",
                hint="put a sort before it",
            )


def _pattern_as_glob(tasks: Sequence[Task], registry: Registry) -> Iterator[Finding]:
    del registry
    for task in tasks:
        for item, role in zip(task.args, roles(task.command, Call.of(task).words), strict=True):
            text = item.glob if isinstance(item, Glob) else item if isinstance(item, str) else ""
            shown = shortened(text, _MAX_SHOWN_CHARS)
            if isinstance(item, Glob) and role.is_pattern:
                yield Finding(
                    severity="warning",
                    task=task.task_number,
                    rule="pattern-as-glob",
                    message=f"{shortened(role.tool, _MAX_SHOWN_CHARS)} wants the pattern {shown} itself",
                    hint="write it as a plain string",
                )
            elif isinstance(item, str) and _should_be_glob(text, role):
                yield Finding(
                    severity="advice",
                    task=task.task_number,
                    rule="glob-as-text",
                    message=f"{shown} is taken literally",
                    hint='write {"glob": …} for the file names that match',
                )


def _should_be_glob(text: str, role: WordRole) -> bool:
    """Return whether an argument is a pattern where the tool wants files."""
    return role.is_operand and role.tool in _TAKES_FILES and has_wildcard(text)


def unknown_option(tasks: Sequence[Task], registry: Registry) -> Iterator[Finding]:
    """Yield a warning for each option that its tool does not have, at most three for a task."""
    for task in tasks:
        calls = [call for call in nested_calls(task, registry) if call.is_exact]
        unknown = dict.fromkeys(found for call in calls for found in _unknown_options(call, registry))
        for name, option, hint in list(unknown)[:_MAX_OPTIONS_OF_A_TASK]:
            yield Finding(
                severity="warning",
                task=task.task_number,
                rule="unknown-option",
                message=f"{name} has no option {option}",
                hint=hint,
            )


def _unknown_options(call: Call, registry: Registry) -> Iterator[tuple[str, str, str]]:
    """Yield tool, option and hint."""
    tool = registry.get(call.name)
    spec = None if tool is None else spec_of_tool(tool)
    if spec is None or spec.known is None or call.name == _PRINTS_THE_UNKNOWN:
        return
    for word in read_argv(call.words, spec).words:
        if word.kind == "option" and word.text in _OF_FIND and word.text not in spec.known:
            if spec.name != "find":  # where each letter of it happens to be an option
                yield call.name, word.text, "that is an option of find"
        elif word.kind == "unknown":
            shown = shortened(word.option, _MAX_OPTION_CHARS)
            is_word = len(shown) > 2
            yield call.name, shown, f"see `man {call.name}`{nearest(shown, spec.known) if is_word else ''}"


RULES: tuple[Rule, ...] = (
    _unknown_tool,
    _bad_reference,
    _unread_output,
    _ignored_input,
    _uniq_without_sort,
    _pattern_as_glob,
    home_as_text,
    unknown_option,
)
