"""The one reader of argument vectors: which words are options, values, operands, or another command's.

A command reads its words from left to right, by the conventions of POSIX (XBD 12.2) and GNU getopt:

- letters share a dash (`-ni`), up to the first that takes a value: the rest of its word, or the next word;
- a long name may be cut short (`--rec`), and its value is joined (`--name=value`) or the next word;
- `--` ends the options, and with `spec.leading` the first operand does so too;
- what stands behind that belongs to another command where the spec says so (`sudo -u root rm -f x`), and
  so do the words of `find -exec` up to `;` or `{} +`.

`find` and its like have whole words behind one dash (`spec.single`), old `tar` has letters without one
(`spec.old_style`). The letters of a cluster and the options of a prefix all count as given: where a reading
is in doubt, more options are seen than there are, never fewer.

Words are text in which `DATA` stands for what only a run can tell. Such a word is never unknown, but it may
hide an option; `Argv.may_hide_option` says so where that option could do harm.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agx.unix.argv import Argv, ArgvWord, Option
from agx.unix.calls import DATA, MANY, OPEN, is_known
from agx.unix.command_specs import NUMBER, CommandSpec

_UNKNOWN = re.compile(f"{MANY}|{OPEN}|{DATA}")
_INPUTS = re.compile(r":{3,4}\+?")
_MAX_LETTERS = 64  # of one cluster are looked at: no sane one is longer


def read_argv(words: Sequence[str], spec: CommandSpec) -> Argv:
    """Read the words behind a command's name by what is known of its options."""
    return _Reader(words, spec).argv()


class _Reader:
    """Reads one command's words from left to right; `_read` has one entry for each word that was read."""

    def __init__(self, words: Sequence[str], spec: CommandSpec) -> None:
        self._words = words
        self._spec = spec
        self._read: list[ArgvWord] = []
        self._options: list[Option] = []
        self._operands: list[str] = []
        self._commands: list[tuple[int, int]] = []
        self._may_hide = False
        self._ended = False

    def argv(self) -> Argv:
        if self._spec.old_style:
            self._take_old_style()
        while self._at < len(self._words) and not self._is_at_rest():
            self._take(self._words[self._at])
        rest = self._words[self._at :]
        self._operands += rest
        self._take_rest(rest)
        return Argv(
            spec=self._spec,
            words=tuple(self._read),
            options=tuple(self._options),
            operands=tuple(self._operands),
            commands=tuple(self._commands),
            may_hide_option=self._may_hide and (self._spec.has_harm or self._spec.leading),
            ended=self._ended,
        )

    def _take_rest(self, rest: Sequence[str]) -> None:
        """Take what no option can follow: the words of another command, or operands."""
        num_words = len(rest) if self._spec.runs_operands else 0
        if self._spec.operands == "parallel":  # whose own operands may stand behind the command
            num_words = next((at for at, word in enumerate(rest) if _INPUTS.fullmatch(word)), num_words)
        if num_words:
            self._commands.append((self._at, self._at + num_words))
        self._read += [ArgvWord(word, "command") for word in rest[:num_words]]
        self._read += [ArgvWord(word, "operand") for word in rest[num_words:]]

    @property
    def _at(self) -> int:
        return len(self._read)

    def _is_at_rest(self) -> bool:
        """Return whether no option can follow: what is left belongs to another command, or is operands."""
        spec, word = self._spec, self._words[self._at]
        if not spec.leading or len(self._operands) < spec.before or spec.is_skipped(word):
            return False
        return self._ended or not word.startswith("-") or word == "-"

    def _take(self, word: str) -> None:
        self._may_hide |= OPEN in word and not self._ended and not self._spec.single
        if self._ended or len(word) < 2 or not word.startswith("-"):
            self._take_operand(word)
        elif word == "--":
            self._ended = True
            self._read.append(ArgvWord(word, "option", word))
        elif word.startswith("--") or self._is_single(word):
            self._take_long(word)
        elif self._is_exact(word):
            self._take_whole(word)
        else:
            self._take_cluster(word)

    def _take_operand(self, word: str) -> None:
        spec = self._spec
        if not self._ended and (word in spec.kinds or word in spec.marks):  # such as `+o` of a shell
            self._take_whole(word)
        elif spec.is_skipped(word):
            self._read.append(ArgvWord(word, "skipped"))
        else:
            self._may_hide |= not self._ended and self._may_be_option(word)
            self._operands.append(word)
            self._read.append(ArgvWord(word, "operand"))

    def _may_be_option(self, word: str) -> bool:
        """Return whether a word that only a run can tell may turn out to be an option that is known."""
        if is_known(word) or not self._spec.single:
            return word.startswith(DATA)
        first, *_, last = _UNKNOWN.split(word)
        options = (*self._spec.marks, *self._spec.kinds)
        return any(option.startswith(first) and option.endswith(last) for option in options)

    def _take_whole(self, word: str) -> None:
        self._read.append(ArgvWord(word, "option", word))
        self._add(word, None, at=self._at - 1)

    def _is_exact(self, word: str) -> bool:
        spec = self._spec
        return word in spec.kinds or word in spec.marks or (spec.known is not None and word in spec.known)

    def _is_single(self, word: str) -> bool:
        """Return whether this is a whole word behind one dash, and no letter with its value joined."""
        spec = self._spec
        return spec.single and (spec.known is not None or (word[2:] != "" and word[:2] not in spec.kinds))

    def _take_long(self, word: str) -> None:
        name, known = word.partition("=")[0], self._spec.known
        if is_known(name):
            is_unknown = known is not None and not self._meant(name)
        else:
            name = name.partition(DATA)[0]
            is_unknown = known is not None and not any(option.startswith(name) for option in known)
        self._read.append(ArgvWord(word, "unknown" if is_unknown else "option", name))
        self._add_long(word, at=self._at - 1)

    def _add_long(self, text: str, *, at: int) -> None:
        name, joined, value = text.partition("=")
        if not is_known(name):
            self._may_hide = True
            return
        first, *others = self._meant(name) or [name]
        self._add(first, value if joined else None, at=at)
        self._options += [self._options[-1]._replace(name=other) for other in others]

    def _meant(self, name: str) -> list[str]:
        """Return the options that a name is, or is the beginning of."""
        if self._is_exact(name):
            return [name]
        names = self._spec.long_options() if len(name) > 2 else ()
        return sorted(option for option in names if option.startswith(name))

    def _take_cluster(self, word: str) -> None:
        """Take letters behind one dash, up to the first that has a value."""
        at, spec = self._at, self._spec
        option = text_option = unknown = ""
        self._may_hide |= len(word) > _MAX_LETTERS
        for place, letter in enumerate(word[1:_MAX_LETTERS], start=2):
            if letter.isdigit() and option in spec.digits:
                continue
            option = "-" + letter
            if not is_known(letter):
                self._may_hide = True
                break
            if option in spec.shell_operand:
                text_option = option
            elif option in spec.kinds or option in spec.joined or option in spec.maybe:
                self._read.append(_cluster(word, unknown))
                self._add(option, word[place:] or None, at=at)
                return
            else:
                self._options.append(Option(option, None, at))
                unknown = unknown or ("" if self._is_letter(option) else option)
        self._read.append(_cluster(word, unknown))
        if text_option:
            self._add(text_option, None, at=at)

    def _is_letter(self, option: str) -> bool:
        known = self._spec.known
        return known is None or option in known or (option[1].isdigit() and NUMBER in known)

    def _add(self, option: str, value: str | None, *, at: int) -> None:
        """Add an option; one that takes a value takes the next word where it has none yet."""
        kind = self._spec.kinds.get(option)
        if kind == "exec" and value is None:
            self._take_command(option)
        elif value is None and self._takes_next(option):
            value = self._words[self._at]
            self._read.append(ArgvWord(value, "value", option))
        self._options.append(Option(option, value, at))
        self._may_hide |= OPEN in (value or "")
        if value and kind == "long":
            self._add_long("--" + value, at=at)

    def _takes_next(self, option: str) -> bool:
        spec = self._spec
        if self._at >= len(self._words) or option in spec.joined:
            return False
        following = self._words[self._at]
        if option in spec.shell_operand:
            return not self._is_option(following)  # `bash -c -e TEXT`
        return option in spec.kinds or (option in spec.maybe and not following.startswith("-"))

    def _is_option(self, word: str) -> bool:
        letters = ["-" + letter for letter in word[1:_MAX_LETTERS]]
        return word.startswith("-") and (self._is_exact(word) or all(map(self._is_exact, letters)))

    def _take_command(self, option: str) -> None:
        """Take the words of a command, up to `;` or `{} +`."""
        start = self._at
        while self._at < len(self._words):
            word = self._words[self._at]
            if word == ";" or (word == "+" and self._words[self._at - 1] == "{}"):
                break
            self._read.append(ArgvWord(word, "command"))
        if self._at > start:
            self._commands.append((start, self._at))
        self._read += [ArgvWord(end, "option", option) for end in self._words[self._at : self._at + 1]]

    def _take_old_style(self) -> None:
        """Take `xzf a.tar` as `-x -z -f a.tar`: the letters' values follow in their order."""
        first = self._words[0] if self._words else "-"
        if first.startswith("-") or not is_known(first):
            return
        self._read.append(ArgvWord(first, "option", first))
        for letter in first:
            self._add("-" + letter, None, at=0)


def _cluster(word: str, unknown: str) -> ArgvWord:
    return ArgvWord(word, "unknown" if unknown else "option", unknown or word)
