"""The risk judge: follows what calls run, and adds up what all of it may do.

A call is judged in three steps. Its tool has the marks of the registry. Its words, as they are read by
`agx.unix.argv_reader`, have effects (`agx.risk.effects`): marks, files that are written, programs in other
languages, settings that name a command. And it runs other calls (`agx.unix.runs`), which are judged alike;
their marks become its own. Text in which a command may stand, such as an awk program, is followed too.

Marks are only ever added: where a reading is in doubt, all that it may mean is followed. What is too deep or
too long to be followed is taken for the worst, so that hiding something behind more of the same cannot help.

Calls of one list are judged in their order, since what a call leaves to the next ones counts: text through
a pipe, files by their names, and whether any of it came from the network (`agx.risk.flow`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import dropwhile
from posixpath import basename, normpath

from agx.plan.tools import Registry, ToolInfo
from agx.risk.code import code_effects
from agx.risk.effect_types import Code, Effect, Mark, RunsFile, Writes
from agx.risk.effects import effects
from agx.risk.flow import brought_files, printed_text, prints_nothing, reads_its_output
from agx.risk.written_paths import risks_of_writing
from agx.shell.nested import MAX_CALLS, MAX_CHARS, MAX_DEPTH
from agx.unix.calls import Call, is_known
from agx.unix.registry import unix_registry
from agx.unix.runs import BIN_FOLDERS, Runs, Shell, read_call, runs
from agx.unix.special_files import is_harmless

MAX_CHARS_OF_PLAN = 65_536
ANY_COMMAND = "*"


@dataclass(slots=True)
class Assessment:
    """What one call may do: marks, the files whose code it runs, the files that it writes."""

    marks: set[Mark] = field(default_factory=set)
    run_files: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)

    def include(self, other: Assessment) -> None:
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

    @contextmanager
    def _guessing(self) -> Iterator[None]:
        """Follow what may be a command, and may be something else."""
        self._num_guesses += 1
        yield
        self._num_guesses -= 1

    def of_tasks(self, calls: Sequence[Call]) -> list[Assessment]:
        """Judge the calls of one plan, each of them and what they do together."""
        return self._together(calls, depth=0)

    def of_call(self, call: Call, *, depth: int = 0) -> Assessment:
        """Judge one call on its own, with everything that it runs."""
        assessment = Assessment()
        if depth == 0:
            self._calls_left, self._chars_left = MAX_CALLS, min(MAX_CHARS, self._chars_left_of_plan)
        self._calls_left -= 1
        if depth > MAX_DEPTH or self._calls_left < 0:
            self._give_up(assessment)
            return assessment
        if not self._num_guesses:
            self.calls.append(call)
        if is_known(call.name):
            self._of_known(assessment, call, depth)
        else:
            self._of_unknown(assessment, call, depth)
        self._of_output(assessment, call)
        return assessment

    def _together(self, calls: Sequence[Call], *, depth: int) -> list[Assessment]:
        assessments: list[Assessment] = []
        brought: set[int] = set()
        files: set[str] = set()
        for place, call in enumerate(calls):
            assessment = self.of_call(call, depth=depth)
            assessments.append(assessment)
            if call.piped is not None and call.piped < place:
                self._of_input(assessment, calls[call.piped], depth)
            if not call.appends and reads_its_output(calls, place):
                assessment.marks.add("destructive")
            if _runs_what_was_brought(assessment, call, brought, files):
                assessment.marks |= {"network", "destructive"}
            if "network" in assessment.marks or not brought.isdisjoint((call.piped, *call.sources)):
                brought.add(place)
                files |= brought_files(call, assessment.written)
        return assessments

    def _of_known(self, assessment: Assessment, call: Call, depth: int) -> None:
        folder, slash, base = call.name.rpartition("/")
        if base:
            self.names.append(base)
        if base == "git" and depth:
            assessment.marks.add(
                "runs_code"
            )  # what a repository's settings run is switched off for tasks only
        tool = self._registry.get(call.name)
        if tool is None and folder + slash not in ("", *BIN_FOLDERS):
            assessment.marks.add("runs_code")  # whatever lies there, it need not be the tool of that name
            assessment.run_files.add(normpath(call.name))
        tool = tool or self._registry.get(base)
        if tool is None:
            assessment.marks.add("runs_code")
            tool = unix_registry().get(base)
        if tool is not None:
            assessment.marks.update(tool.risk)
        if tool is None or tool.schema is None:
            self._of_words(assessment, call if not slash else replace(call, name=base), tool, depth)

    def _of_words(self, assessment: Assessment, call: Call, tool: ToolInfo | None, depth: int) -> None:
        """Judge what a call's words do, and follow what they run."""
        read = list(read_call(call, tool))
        with self._guessing():
            self._take(assessment, effects(call, read), depth)
        for run in (run for argv in read for run in runs(argv, item=call.item)):
            if isinstance(run, Runs):
                assessment.include(self.of_call(run.call, depth=depth + 1))
            else:
                self._of_text(assessment, run, depth)

    def _of_unknown(self, assessment: Assessment, call: Call, depth: int) -> None:
        """Judge a call whose name only a run can tell; it may be nothing, and the next word the name."""
        self.names.append(ANY_COMMAND)
        assessment.marks.add("runs_code")
        words = [*dropwhile(lambda word: word.startswith("-"), call.words)]
        if words:
            with self._guessing():
                assessment.include(self.of_call(Call(words[0], tuple(words[1:])), depth=depth + 1))

    def _of_output(self, assessment: Assessment, call: Call) -> None:
        if call.output is None:
            return
        assessment.marks.add("writes")
        assessment.marks.update(risks_of_writing(call.output, overwrites=not call.appends))
        assessment.written.add(normpath(call.output))
        if not call.appends and prints_nothing(call) and not is_harmless(call.output):
            assessment.marks.add("destructive")

    def _of_input(self, assessment: Assessment, source: Call, depth: int) -> None:
        """Judge what comes through a pipe: nothing into a file, or the text of a script."""
        if assessment.written and prints_nothing(source):
            assessment.marks.add("destructive")
        if "runs_input" in assessment.marks:
            assessment.marks.add("runs_code")
            text = printed_text(source)
            behind_mark = text.partition("!")[2]  # which editors run
            with self._guessing():
                self._take(assessment, [Shell(text), Shell(behind_mark)], depth)

    def _take(self, assessment: Assessment, found: Iterable[Effect], depth: int) -> None:
        for effect in found:
            if isinstance(effect, str):
                assessment.marks.add(effect)
            elif isinstance(effect, Writes):
                assessment.marks.update(risks_of_writing(effect.path, overwrites=effect.overwrites))
                if effect.overwrites and not is_harmless(effect.path):
                    assessment.written.add(normpath(effect.path))
            elif isinstance(effect, RunsFile):
                assessment.run_files.add(normpath(effect.path))
            else:
                self._of_text(assessment, effect, depth)

    def _of_text(self, assessment: Assessment, program: Shell | Code, depth: int) -> None:
        self._chars_left -= len(program.text)
        if self._chars_left < 0 or self._calls_left <= 0:
            self._give_up(assessment)
            return
        self._chars_left_of_plan -= len(program.text)
        if isinstance(program, Code):
            self._take(assessment, code_effects(program), depth)
        elif program.text.strip():
            self._of_script(assessment, program.text, depth)

    def _of_script(self, assessment: Assessment, text: str, depth: int) -> None:
        from agx.shell.scripts import read_script  # noqa: PLC0415  few tasks run shell text

        calls, is_all = read_script(text)
        if len(calls) > self._calls_left:
            self._give_up(assessment)
            return
        if not is_all:
            assessment.marks.add("runs_code")
        if not is_known(text):
            assessment.marks.add("runs_input")
        for inner in self._together(calls, depth=depth + 1):
            assessment.include(inner)

    def _give_up(self, assessment: Assessment) -> None:
        """Take what is too long or too deep to be read for the worst."""
        self.names.append(ANY_COMMAND)
        assessment.marks |= {"runs_code", "destructive"}


def _runs_what_was_brought(assessment: Assessment, call: Call, brought: set[int], files: set[str]) -> bool:
    """Return whether a call runs code that came from the network: by a pipe, an argument or a file."""
    if "runs_input" in assessment.marks and call.piped in brought:
        return True
    if "runs_code" in assessment.marks and not brought.isdisjoint(call.sources):
        return True
    return not files.isdisjoint({*assessment.run_files, *map(basename, assessment.run_files)})
