"""One way to write a `find`: what Echo learns where the corpus has many ways to say the same.

`find -name x`, `find ./ -name x -print` and `find . -name x` are one call. A model that has seen all
of them writes now this one, now that one; taught one form it spends nothing on the choice. Only what
makes no difference is changed, and only in what is trained on: references stay as they are. Delta
learns from plans as they stand, so that it leaves a draft alone that is right in another form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scripts.planner.sequences import Tasks

# Tuples: an argument may be a typed value, which no set can be asked for.
_LINK_OPTIONS = ("-H", "-L", "-P")
_EXPRESSION_SIGNS = ("!", "(", ")", ",")
_ALTERNATIVES = ("-o", "-or", ",")
_NEGATIONS = ("!", "-not")
_ACTIONS = (
    "-print", "-print0", "-printf", "-fprint", "-fprint0", "-fprintf", "-ls", "-fls", "-delete", "-exec",
    "-execdir", "-ok", "-okdir", "-prune", "-quit",
)  # fmt: skip
_NAME_TESTS = ("-name", "-iname")

Args = list[Any]


def one_form(tasks: Tasks) -> Tasks:
    """Return the tasks with every `find` in the form that the corpus has most."""
    return [task | {"args": find_form(task.get("args", []))} if _is_find(task) else task for task in tasks]


def find_form(args: Args) -> Args:
    """Name the folder to start in as `.`, put `-type` before the name, leave out a `-print` without need."""
    start = next((index for index, item in enumerate(args) if item not in _LINK_OPTIONS), len(args))
    options, rest = args[:start], args[start:]
    if not rest or _begins_expression(rest[0]):
        rest = [".", *rest]
    elif rest[0] == "./":
        rest = [".", *rest[1:]]
    return options + _type_first(_without_needless_print(rest))


def _is_find(task: dict[str, Any]) -> bool:
    return bool(task["command"] == "find")


def _begins_expression(item: object) -> bool:
    return isinstance(item, str) and (item.startswith("-") or item in _EXPRESSION_SIGNS)


def _without_needless_print(args: Args) -> Args:
    others = args[:-1]
    if args[-1] == "-print" and not any(item in _ACTIONS or item in _ALTERNATIVES for item in others):
        return others
    return args


def _type_first(args: Args) -> Args:
    """Exchange `-name X -type T`, both of which only test; a `!` before the name keeps its place."""
    args = list(args)
    for at in range(1, len(args) - 3):
        is_pair = args[at] in _NAME_TESTS and args[at + 2] == "-type"
        if is_pair and args[at - 1] not in _NEGATIONS:
            args[at : at + 4] = args[at + 2 : at + 4] + args[at : at + 2]
    return args
