"""Whether AGX gives commands the words that bash gives them, on random lines of shell text.

A line is made of quotes, blanks of all kinds, backslashes, comments, patterns, substitutions and
redirections around two programs: `p` notes its arguments and prints them, `r` notes them and prints its
input. What AGX reads as a plan is carried out here, with the same two programs; bash runs the same line.
The notes and the files that are left have to be equal. AGX may refuse a line, but never read it otherwise.
Where bash splits the value of an unquoted variable or substitution, a finding has to say so.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from agx.errors import AgxError
from agx.plan.schema import Plan, Task
from agx.run.expansion import Surroundings, expand
from agx.run.record import TaskProblem
from agx.shell.parse import read_shell
from agx.shell.refusals import NotAPlan

BATCH = 5000
_MARKS = re.compile(r"[\\*?\[\]]")
FILES = ("a", "ab", "b", "a b", "x*", "[x]", "d/a", "d/e f", "é")
ENVIRON = {"HOME": "/h", "X": "xy", "A": "/d"}
_PIECES = (
    "a", "b", "ab", "x*", "d/", "é", "e", "f", "-", "-n", "=", "0", "2", "1", "~", "~/", "/", "a=", "X",
    ".", "'", '"', "\\", "\\", "\\\\", "':~'", ":~", "~:", "$'", "$'\\n'", "$'\\x41'", "`", "$(", ")", "(",
    "$", " ", " ", " ", " ", " ", " ", "\t", "\n", "\r", "\xa0", "\x01", "'\r\x0b'", '"\x0c\xa0"',
    "\\\u3000", "'\u200b'", "'b", "b'", '"$X ', ' a"', "\\\r", '"\\$"', "'\\'", "#", "#", " # ", " #x\n",
    "*", "?", "[", "]", "[ab]", "[!a]", "[^a]", "{", "}", ",", "{a,b}", "{1..3}", "$X", '"$X"', "${X}",
    "$A", "$(p a)", '"$(p a b)"', "`p b`", "$(p x # y\n)", " | ", " | r", " | p ", " > o", " >o1 ",
    " >> o1 ", " < a ", "<ab", " 2>/dev/null ", "2>", ">", "<", "&", ";", "|", "!", "\r\n", "p", "r",
    " p ", "''", '""', "\\\n", "\\\r\n", "\\ ", "\\#", "\\'", "'a b'", '"a  b"', "'#'", "a#b", ":",
)  # fmt: skip
# Each line is read by `eval`, with its programs as functions: nothing outside the folder is touched.
_BASH = r"""
PATH=/nonexistent
note() { printf '%s\0' "$#" "$@" >&9; }
p() { note p "$@"; local IFS=' '; local out="$*"; printf '%s\n' "${out//[\\*?[\]]/_}"; }
r() { note r "$@"; local text; IFS= read -r -d '' text; printf '%s' "$text"; }
mapfile -d '' -t lines < "$1"
exec 9>"$2" 8>/dev/null
declare -A kept=()
for file in "${@:3}"; do kept[$file]=1; done
for line in "${lines[@]}"; do
  ( eval "$line" ) >/dev/null 2>&8 </dev/null
  printf 'files\0' >&9
  if [[ $line == *'>'* ]]; then
    shopt -s nullglob dotglob globstar
    for file in **; do
      [[ -f $file ]] || continue
      text=; IFS= read -r -d '' text < "$file"; printf '%s\0' "$file" "$text" >&9
      if [[ ${kept[$file]-} ]]; then printf '%s' "$file" > "$file"; else /bin/rm -f -- "$file"; fi
    done
    shopt -u nullglob dotglob globstar
  fi
  printf 'end\0' >&9
done
"""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a line does: the programs that run with their words, sorted, and the files that are left."""

    notes: tuple[tuple[str, ...], ...]
    files: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Comparison:
    """What became of the lines.

    `said` counts those that bash reads otherwise and a finding says so, `other` those that cannot be
    carried out here; `differ` holds those that AGX takes otherwise: the line, in bash, in AGX.
    """

    num_lines: int = 0
    num_equal: int = 0
    num_said: int = 0
    num_other: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    differ: list[tuple[str, Effect, Effect]] = field(default_factory=list)


class _NotHere(Exception):
    """A plan that cannot be carried out here."""


def random_line(rng: random.Random) -> str:
    """Return a line that begins with one of the two programs."""
    start = rng.choice(("p ", "p ", "p ", "r ", "p\t", " p "))
    return start + "".join(rng.choice(_PIECES) for _ in range(rng.randrange(1, 9)))


def compared(lines: Sequence[str], *, bash: str = "bash") -> Comparison:
    """Read every line as a plan, and compare what each plan does with what bash does."""
    found = Comparison(num_lines=len(lines))
    for start in range(0, len(lines), BATCH):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name, "work")
            for file in FILES:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).write_text(file, encoding="utf-8")
            _compare(lines[start : start + BATCH], folder, found, bash=bash)
    return found


def _compare(lines: Sequence[str], folder: Path, found: Comparison, *, bash: str) -> None:
    waiting: list[tuple[str, Effect, bool]] = []
    for line in lines:
        try:
            plan, findings = read_shell(line)
            said = any(finding.rule in ("unquoted", "substitution-input") for finding in findings)
            waiting.append((line, _effect_of_plan(plan, folder, has_files=">" in line), said))
        except NotAPlan as error:
            found.refused[error.reason] += 1
        except (_NotHere, AgxError, TaskProblem):
            found.num_other += 1
    effects = _effects_in_bash([line for line, _, _ in waiting], folder, bash=bash)
    for (line, ours, said), theirs in zip(waiting, effects, strict=True):
        is_equal = any(_shown(ours, end) == _shown(theirs, end) for end in ("", "\\n", "\\\\\\n"))
        found.num_equal += is_equal
        if not is_equal and said:
            found.num_said += 1
        elif not is_equal:
            found.differ.append((line, theirs, ours))


def _shown(effect: Effect, end: str) -> str:
    """Return what is compared, with a line's end behind a backslash written so.

    AGX puts `./` before a pattern that begins with a dash. The lines for bash have no carriage return at
    their ends, in quotes neither.
    """
    text = repr(effect).replace("'./-", "'-")
    return text.replace("\\\\\\r\\n", end).replace("\\r\\n", "\\n")


def _effects_in_bash(lines: Sequence[str], folder: Path, *, bash: str) -> list[Effect]:
    source, notes = folder.parent / "lines", folder.parent / "notes"
    # At the end of a line a carriage return is a part of the line's end for AGX.
    source.write_bytes(b"".join(line.replace("\r\n", "\n").encode() + b"\0" for line in lines))
    command = [bash, "--norc", "-c", _BASH, "bash", str(source), str(notes), *FILES]
    environ = {**ENVIRON, "LC_ALL": "C.UTF-8"}
    subprocess.run(command, cwd=folder, env=environ, check=True, stderr=subprocess.DEVNULL)
    words = iter(notes.read_bytes().decode(errors="surrogateescape").split("\0"))
    return [_effect_in_bash(words) for _ in lines]


def _effect_in_bash(words: Iterator[str]) -> Effect:
    notes, files = [], []
    while (count := next(words)) != "files":
        notes.append(tuple(islice(words, int(count))))
    while (name := next(words)) != "end":
        files.append((name, next(words)))
    return Effect(tuple(sorted(notes)), tuple(sorted(files)))


def _effect_of_plan(plan: Plan, folder: Path, *, has_files: bool) -> Effect:
    """Carry a plan out with the two programs, in the head."""
    outputs: dict[int, str] = {}
    notes: list[tuple[str, ...]] = []
    files = {file: file for file in FILES}
    around = Surroundings(folder, ENVIRON, lambda number: outputs[number].rstrip("\n"))
    for task in plan.tasks:
        words = expand(task.args, around).args
        if task.command == "cat" and words[0] in files and words[0] not in (task.save_to, task.append_to):
            outputs[task.task_number] = files[words[0]]
            continue
        if task.command not in ("p", "r"):
            raise _NotHere
        notes.append((task.command, *words))
        given = "" if task.input_from_task is None else outputs[task.input_from_task]
        output = given if task.command == "r" else _MARKS.sub("_", " ".join(words)) + "\n"
        outputs[task.task_number] = output
        if task.saves_output:
            _save(task, output, files)
    if has_files and len(plan.tasks) > 1 and any(_MARKS.search(str(task.args)) for task in plan.tasks):
        raise _NotHere  # a pattern may meet a new file, or be quicker
    return Effect(tuple(sorted(notes)), tuple(sorted(files.items())) if has_files else ())


def _save(task: Task, output: str, files: dict[str, str]) -> None:
    path = task.save_to or task.append_to or ""
    if "/" in path or path in ("", ".", "..", "d"):
        raise _NotHere
    files[path] = output if task.append_to is None else files.get(path, "") + output


def report(found: Comparison) -> str:
    """Return the figures as text."""
    num_refused = found.refused.total()
    lines = [
        f"{len(found.differ)} of {found.num_lines} lines differ",
        f"  equal: {found.num_equal}; refused: {num_refused}",
        f"  said to differ: {found.num_said}; cannot be carried out: {found.num_other}",
    ]
    lines += [f"  {reason}: {count}" for reason, count in found.refused.most_common()]
    for line, theirs, ours in found.differ[:40]:
        lines += [f"{line!r}", f"  bash {theirs}", f"  agx  {ours}"]
    return "\n".join(lines)


def main() -> None:
    """Compare random lines, and print the figures; exit code 1 where one differs."""
    parser = argparse.ArgumentParser(prog="scripts/measure-words", description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=100_000, help="how many lines")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    found = compared([random_line(rng) for _ in range(asked.lines)])
    print(report(found))
    sys.exit(1 if found.differ else 0)


if __name__ == "__main__":
    main()
