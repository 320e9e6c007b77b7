"""Follows what calls run, and adds up what all of it may do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import dropwhile
from posixpath import basename, normpath

from agx.plan.tools import Registry, ToolInfo
from agx.risk.code import code_effects
from agx.risk.effect_types import Code, Effect, Mark, RunsFile, Writes
from agx.risk.effects import effects
from agx.risk.flow import brought_files, printed_text, prints_nothing, reads_its_output
from agx.risk.written_paths import HARMLESS_DEVICES, written
from agx.shell.nested import MAX_CALLS, MAX_CHARS, MAX_DEPTH
from agx.shell.scripts import read_script
from agx.unix.calls import Call, is_known
from agx.unix.registry import unix_registry
from agx.unix.runs import BIN_FOLDERS, Runs, Shell, read_call, runs

MAX_CHARS_OF_PLAN = 65_536
ANY_COMMAND = "*"


@dataclass(slots=True)
class Verdict:
    """What one call may do: marks, the files whose code it runs, the files that it writes."""

    marks: set[Mark] = field(default_factory=set)
    run_files: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)

    def include(self, other: Verdict) -> None:
        """Add what a call does that this one runs; its standard input is this one's."""
        self.marks |= other.marks
        self.run_files |= other.run_files
        self.written |= other.written


class Judge:
    """Judges calls by a registry; what it follows is bounded for each of them.

    `names` collects the names of all commands that it met, and `calls` the calls themselves, but for those
    in texts where one may stand, and no more: the program of another language, what comes through a pipe.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._calls_left = MAX_CALLS
        self._chars_left = 0
        self._chars_left_of_plan = MAX_CHARS_OF_PLAN
        self.names: list[str] = []
        self.calls: list[Call] = []
        self._num_guesses = 0

    def of_tasks(self, calls: Sequence[Call]) -> list[Verdict]:
        """Judge the calls of one plan, each of them and what they do together."""
        return self._together(calls, depth=0)

    def of_call(self, call: Call, *, depth: int = 0) -> Verdict:
        """Judge one call on its own, with everything that it runs."""
        verdict = Verdict()
        if depth == 0:
            self._calls_left, self._chars_left = MAX_CALLS, min(MAX_CHARS, self._chars_left_of_plan)
        self._calls_left -= 1
        if depth > MAX_DEPTH or self._calls_left < 0:
            self._give_up(verdict)
            return verdict
        if not self._num_guesses:
            self.calls.append(call)
        if is_known(call.name):
            self._of_known(verdict, call, depth)
        else:
            self._of_unknown(verdict, call, depth)
        self._of_output(verdict, call)
        return verdict

    def _together(self, calls: Sequence[Call], *, depth: int) -> list[Verdict]:
        verdicts: list[Verdict] = []
        brought: set[int] = set()
        files: set[str] = set()
        for place, call in enumerate(calls):
            verdict = self.of_call(call, depth=depth)
            verdicts.append(verdict)
            if call.piped is not None and call.piped < place:
                self._of_input(verdict, calls[call.piped], depth)
            if not call.appends and reads_its_output(calls, place):
                verdict.marks.add("destructive")
            if _runs_what_was_brought(verdict, call, brought, files):
                verdict.marks |= {"network", "destructive"}
            if "network" in verdict.marks or not brought.isdisjoint((call.piped, *call.sources)):
                brought.add(place)
                files |= brought_files(call, verdict.written)
        return verdicts

    def _of_known(self, verdict: Verdict, call: Call, depth: int) -> None:
        folder, slash, base = call.name.rpartition("/")
        if base:
            self.names.append(base)
        tool = self._registry.get(call.name)
        if tool is None and folder + slash not in ("", *BIN_FOLDERS):
            verdict.marks.add("runs_code")  # whatever lies there, it need not be the tool of that name
            verdict.run_files.add(normpath(call.name))
        tool = tool or self._registry.get(base)
        if tool is None:
            verdict.marks.add("runs_code")
            tool = unix_registry().get(base)
        if tool is not None:
            verdict.marks.update(tool.risk)
        if tool is None or tool.schema is None:
            self._of_words(verdict, call if not slash else replace(call, name=base), tool, depth)

    def _of_words(self, verdict: Verdict, call: Call, tool: ToolInfo | None, depth: int) -> None:
        """Judge what a call's words do, and follow what they run."""
        read = list(read_call(call, tool))
        self._num_guesses += 1
        self._take(verdict, effects(call, read), depth)
        self._num_guesses -= 1
        for run in (run for argv in read for run in runs(argv, item=call.item)):
            if isinstance(run, Runs):
                verdict.include(self.of_call(run.call, depth=depth + 1))
            else:
                self._of_text(verdict, run, depth)

    def _of_unknown(self, verdict: Verdict, call: Call, depth: int) -> None:
        """Judge a call whose name only a run can tell; it may be nothing, and the next word the name."""
        self.names.append(ANY_COMMAND)
        verdict.marks.add("runs_code")
        words = [*dropwhile(lambda word: word.startswith("-"), call.words)]
        if words:
            self._num_guesses += 1
            verdict.include(self.of_call(Call(words[0], tuple(words[1:])), depth=depth + 1))
            self._num_guesses -= 1

    def _of_output(self, verdict: Verdict, call: Call) -> None:
        if call.output is None:
            return
        verdict.marks.add("writes")
        verdict.marks.update(written(call.output, overwrites=not call.appends))
        verdict.written.add(normpath(call.output))
        if not call.appends and prints_nothing(call) and not HARMLESS_DEVICES.fullmatch(call.output):
            verdict.marks.add("destructive")

    def _of_input(self, verdict: Verdict, source: Call, depth: int) -> None:
        """Judge what comes through a pipe: nothing into a file, or the text of a script."""
        if verdict.written and prints_nothing(source):
            verdict.marks.add("destructive")
        if "runs_input" in verdict.marks:
            verdict.marks.add("runs_code")
            text = printed_text(source)
            self._num_guesses += 1
            self._take(verdict, [Shell(text), Shell(text.partition("!")[2])], depth)  # `!` as editors have it
            self._num_guesses -= 1

    def _take(self, verdict: Verdict, found: Iterable[Effect], depth: int) -> None:
        for effect in found:
            if isinstance(effect, str):
                verdict.marks.add(effect)
            elif isinstance(effect, Writes):
                verdict.marks.update(written(effect.path, overwrites=effect.overwrites))
                if effect.overwrites and not HARMLESS_DEVICES.fullmatch(effect.path):
                    verdict.written.add(normpath(effect.path))
            elif isinstance(effect, RunsFile):
                verdict.run_files.add(normpath(effect.path))
            else:
                self._of_text(verdict, effect, depth)

    def _of_text(self, verdict: Verdict, program: Shell | Code, depth: int) -> None:
        self._chars_left -= len(program.text)
        if self._chars_left < 0 or self._calls_left <= 0:
            self._give_up(verdict)
            return
        self._chars_left_of_plan -= len(program.text)
        if isinstance(program, Code):
            self._take(verdict, code_effects(program), depth)
        elif program.text.strip():
            self._of_script(verdict, program.text, depth)

    def _of_script(self, verdict: Verdict, text: str, depth: int) -> None:
        calls, is_all = read_script(text)
        if len(calls) > self._calls_left:
            self._give_up(verdict)
            return
        if not is_all:
            verdict.marks.add("runs_code")
        if not is_known(text):
            verdict.marks.add("runs_input")
        for inner in self._together(calls, depth=depth + 1):
            verdict.include(inner)

    def _give_up(self, verdict: Verdict) -> None:
        """Take what is too long or too deep to be read for the worst."""
        self.names.append(ANY_COMMAND)
        verdict.marks |= {"runs_code", "destructive"}


def _runs_what_was_brought(verdict: Verdict, call: Call, brought: set[int], files: set[str]) -> bool:
    """Return whether a call runs code that came from the network: by a pipe, an argument or a file."""
    if "runs_input" in verdict.marks and call.piped in brought:
        return True
    if "runs_code" in verdict.marks and not brought.isdisjoint(call.sources):
        return True
    return not files.isdisjoint({*verdict.run_files, *map(basename, verdict.run_files)})
