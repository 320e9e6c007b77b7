"""The home folder as text: `~/out` in an argument is a folder named `~`, since no shell reads it.

Removing such a folder by hand is how people lose their home. So tools that take files are looked at: what a
shell would take for a home folder (`~/x`, `--file=~/x`, `~bob/x`, `$HOME/x`) is advice. In what a model wrote
it becomes the variable HOME where it can mean nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agx.plan.reading import note
from agx.plan.schema import Argument, Env, Finding, Glob, Task, Text
from agx.plan.tools import Registry
from agx.unix.calls import Call
from agx.unix.registry import unix_registry
from agx.unix.word_roles import WordRole, roles
from agx.util.texts import shortened

_HOME = re.compile(
    r"(?P<before>--?[\w-]+=|-[A-Za-z](?=[~$])|[A-Za-z_]\w*=)?(?:(?P<home>~|\$HOME|\$\{HOME\})|(?P<user>~[A-Za-z_][\w.-]*))(?P<rest>/.*)?",
    re.DOTALL,
)
_IS_A_NAME = re.compile(r"[\"'`]~|\b(?:named|called|name)\s+~", re.IGNORECASE)
_CATEGORIES = frozenset({"files", "search", "text", "archive", "disk", "media", "development", "security"})
# Their operands are files, whatever else tools of their kind take.
_TAKE_FILES = frozenset("scp sh bash dash ksh zsh source .".split())
# Their operands are text, or programs in which such a word means something else.
_TAKE_TEXT = frozenset("echo printf yes tr awk gawk nawk sed gsed jq cowsay perl node expr aspell".split())
_MAX_SHOWN_CHARS = 80


def home_as_text(tasks: Sequence[Task], registry: Registry) -> Iterator[Finding]:
    """Yield advice for every argument in which a shell would see a home folder, and AGX sees text."""
    del registry
    for task in tasks:
        found = [match for _, match in _arguments(task)]
        path = _HOME.fullmatch(task.save_to or task.append_to or "")
        is_read_as_home = path is not None and path["home"] == "~" and (path["rest"] or "") != ""
        for match in [*found, *([path] if path is not None and not is_read_as_home else [])]:
            shown = shortened(match[0], _MAX_SHOWN_CHARS)
            rest = f', "{shortened(match["rest"], _MAX_SHOWN_CHARS)}"' if match["rest"] else ""
            home = f'{{"text": [{{"env": "HOME"}}{rest}]}}' if rest else '{"env": "HOME"}'
            yield Finding(
                severity="advice",
                task=task.task_number,
                rule="tilde-as-text",
                message=f"{shown} is a name of a file; only a shell sees a home in it",
                hint="write that folder's whole path" if match["user"] else f"write {home}",
            )


def with_home(
    tasks: Sequence[Task], registry: Registry, *, instruction: str
) -> tuple[tuple[Task, ...], tuple[Finding, ...]]:
    """Return a model's tasks with the variable HOME where they have it as text, and a note for each task.

    Where the instruction calls something by such a name it stays, and so does what destroys the whole folder.
    """
    if _IS_A_NAME.search(instruction):
        return tuple(tasks), ()
    changed, notes = [], []
    for task in tasks:
        items = list(task.args)
        tool = registry.get(task.command)
        is_plain = tool is not None and tool.schema is None and "destructive" not in tool.risk
        for place, match in _arguments(task):
            has_rest = (match["rest"] or "/") != "/"
            if match["home"] and (has_rest or is_plain):
                items[place] = _at_home(items[place], match)
        update = {"args": tuple(items), **_saved_at_home(task)}
        if any(value != getattr(task, key) for key, value in update.items()):
            notes.append(note("`~/` became the home folder, as a shell reads it", task=task.task_number))
        changed.append(task.model_copy(update=update))
    return tuple(changed), tuple(notes)


def _saved_at_home(task: Task) -> dict[str, str]:
    """Return the file that a task saves to with `~/`, which is the home there, in place of `$HOME/`."""
    saved = {"save_to": task.save_to, "append_to": task.append_to}
    found = {key: _HOME.fullmatch(path or "") for key, path in saved.items()}
    return {
        key: f"~{match['rest']}"
        for key, match in found.items()
        if match is not None and match["home"] and (match["rest"] or "/") != "/" and not match["before"]
    }


def _arguments(task: Task) -> Iterator[tuple[int, re.Match[str]]]:
    """Yield the places of the arguments in which a shell would see a home folder."""
    if task.arguments is not None:
        return
    for place, (item, role) in enumerate(
        zip(task.args, roles(task.command, Call.of(task).words), strict=True)
    ):
        match = _HOME.fullmatch(_beginning(item))
        if match is not None and _takes_a_file(match, role):
            yield place, match


def _takes_a_file(match: re.Match[str], role: WordRole) -> bool:
    """Return whether the tool takes a file here. A lone `~` may be a mark that separates columns."""
    tool = unix_registry().get(role.tool)
    if role.is_pattern or tool is None or tool.name in _TAKE_TEXT:
        return False
    has_rest = match["rest"] is not None
    if role.is_path or (match["before"] and has_rest):
        return True
    if tool.name in _TAKE_FILES:
        return has_rest
    return tool.category in _CATEGORIES and (role.is_operand or has_rest)


def _beginning(item: Argument) -> str:
    """Return the text that an argument begins with."""
    first = item.text[0] if isinstance(item, Text) else item
    return first if isinstance(first, str) else first.glob if isinstance(first, Glob) else ""


def _at_home(item: Argument, match: re.Match[str]) -> Argument:
    """Return an argument with the variable in place of the text."""
    parts = item.text if isinstance(item, Text) else (item,)
    rest: tuple[str | Glob, ...] = ()
    if match["rest"]:
        rest = (Glob(glob=match["rest"]),) if isinstance(parts[0], Glob) else (match["rest"],)
    before = (match["before"],) if match["before"] else ()
    values = (*before, Env(env="HOME"), *rest, *parts[1:])
    return values[0] if len(values) == 1 else Text(text=values)
