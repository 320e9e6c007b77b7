"""What a command runs: other commands, whose words stand among its own, and shell text.

`Runs` is a command in its words (`sudo rm x`, `find -exec rm {} ;`), `Shell` a text for a shell
(`sh -c 'rm x'`, `watch 'df | tail'`). What the text runs is read by `agx.shell.nested`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from posixpath import basename
from typing import NamedTuple

from agx.plan.tools import ToolInfo
from agx.unix.argv import Argv
from agx.unix.argv_reader import read_argv
from agx.unix.calls import DATA, NAME_DATA, Call, is_known
from agx.unix.command_specs import spec_of, subcommand_spec
from agx.unix.options import spec_of_options
from agx.unix.registry import unix_registry

BIN_FOLDERS = ("/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/usr/local/bin/")
_PLAIN = re.compile(r"[\w@%+:,./=-]+")  # which is one word to a shell, and nothing else


class Runs(NamedTuple):
    """A command that is run, with its words; `is_exact` as of a call."""

    words: tuple[str, ...]
    is_exact: bool = True

    @property
    def call(self) -> Call:
        """The call that it makes."""
        return Call(tool_name(self.words[0]), self.words[1:], is_exact=self.is_exact)


class Shell(NamedTuple):
    """A text that is given to a shell; `is_exact` where the shell runs here."""

    text: str
    is_exact: bool = True


def tool_name(word: str) -> str:
    """Return the name of the tool that a command's word means: `/usr/bin/sort` is `sort`."""
    folder, slash, base = word.rpartition("/")
    return base if folder + slash in BIN_FOLDERS else word


def read_call(call: Call, tool: ToolInfo | None = None) -> Iterator[Argv]:
    """Yield the words of a call as they are read, then those behind its subcommand as that reads them.

    Of a command that is not written down, the registry's tool may still say which options take a command.
    """
    spec, words = spec_of(basename(call.name)), call.words
    if spec is None and tool is not None and tool.options is not None and tool.options.command:
        spec = spec_of_options(tool.name, tool.options)
    while spec is not None:
        argv = read_argv(words, spec)
        yield argv
        spec = None
        if argv.spec.operands == "subcommand" and argv.operands and not argv.is_quiet:
            first, words = argv.operands[0], argv.operands[1:]
            spec = subcommand_spec(argv.spec, first) if is_known(first) else None


def runs(argv: Argv, *, item: str = DATA) -> Iterator[Runs | Shell]:
    """Yield what a command runs; `item` stands for one word of its input."""
    if argv.is_quiet:
        return
    spec = argv.spec
    for name, value, _ in argv.options:
        if spec.kinds.get(name) == "shell" and value is not None:
            # The words of `env -S` may begin with its own options.
            yield Shell("env " + value if spec.family == "env" else value.removeprefix("exec="))
        elif spec.kinds.get(name) == "exec" and value is not None:
            yield Runs((value, NAME_DATA))
    found = OPERANDS.get(spec.operands, _in_options)(argv, item)
    yield from (one._replace(is_exact=False) for one in found) if spec.elsewhere else found


def _in_options(argv: Argv, item: str) -> Iterator[Runs | Shell]:
    """Yield the commands of `find -exec` and its like, in which `{}` is a file's name."""
    del item
    for place in argv.commands:
        words = argv.command(place)
        yield Runs(tuple(_filled(word, "{}", NAME_DATA) for word in words))


def _command(argv: Argv, item: str) -> Iterator[Runs | Shell]:
    del item
    yield from (Runs(argv.command(place)) for place in argv.commands)


def _xargs(argv: Argv, item: str) -> Iterator[Runs | Shell]:
    """Yield the command of xargs with what it gets from the input: words at the end, or each `{}`."""
    if not argv.operands:
        return
    words = argv.operands
    place = next(reversed(argv.values("-I", "-J", "-i", "--replace")), None)
    if place is None and argv.has("-i", "--replace"):
        place = "{}"
    # Without -0, a name with a blank or a line's end gives words that may begin with a dash.
    is_whole = argv.has("-0", "--null") and not argv.has("-d", "--delimiter")
    item = item if is_whole else DATA
    if place is None:
        is_single = argv.values("-n", "--max-args")[-1:] == ["1"]
        yield Runs((*words, *([item] if is_single else [item, item])))
        yield Runs(words)  # as it runs once where there is no input
    else:
        yield Runs(tuple(_filled(word, place, item) for word in words))


def _filled(word: str, place: str, item: str) -> str:
    """Put what stands for an item into a word: within a longer word, a name is text like any other."""
    return word.replace(place, item if word.startswith(place) else DATA)


def _watch(argv: Argv, item: str) -> Iterator[Runs | Shell]:
    if argv.has("-x", "--exec"):
        yield from _command(argv, item)
    elif argv.operands:
        yield _joined(argv.operands, argv.operands)


def _parallel(argv: Argv, item: str) -> Iterator[Runs | Shell]:
    """Yield the command of parallel with an item at its end and for each `{}`, or its inputs as commands."""
    for place in argv.commands:
        words = argv.command(place)
        item = DATA if argv.words[-1].kind == "operand" else item  # inputs of its own, not what comes in
        yield _joined(words, (*(word.replace("{}", item) for word in words), item))
    if not argv.commands:
        yield from map(Shell, argv.operands[1:])


def _joined(given: Sequence[str], words: Sequence[str]) -> Runs | Shell:
    """Return words that are joined to shell text, as a command where no shell would take them for more.

    `given` are the words before an item was put in, which parallel quotes.
    """
    is_plain = all(_PLAIN.fullmatch(word.replace("{}", "x")) for word in given)
    return Runs(tuple(words)) if is_plain else Shell(" ".join(words))


def _shell(argv: Argv, item: str) -> Iterator[Runs | Shell]:
    """Yield operands that are joined to shell text: of `eval`, of `ssh HOST`."""
    del item
    if words := argv.operands[argv.spec.before :]:
        yield Shell(" ".join(words))


def _interpreter(argv: Argv, item: str) -> Iterator[Runs | Shell]:
    """Yield the text behind `sh -c`, which may have more options before it."""
    del item
    texts = argv.values(*argv.spec.shell_operand)
    if argv.has(*argv.spec.shell_operand) and all(text.startswith("-") for text in texts):
        texts += argv.operands[:1]
    yield from map(Shell, texts)


def _somewhere(argv: Argv, item: str) -> Iterator[Runs | Shell]:
    """Yield a command behind options of many shapes: the first word that is a command's name begins it."""
    del item
    words = [word.text for word in argv.words]
    for at, word in enumerate(words):
        name = basename(word)
        if name in unix_registry() or spec_of(name) is not None:
            yield Runs(tuple(words[at:]), is_exact=False)
            return


OPERANDS: dict[str, Callable[[Argv, str], Iterator[Runs | Shell]]] = {
    "command": _command,
    "xargs": _xargs,
    "watch": _watch,
    "parallel": _parallel,
    "shell": _shell,
    "interpreter": _interpreter,
    "somewhere": _somewhere,
}
