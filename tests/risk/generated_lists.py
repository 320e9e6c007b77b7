"""Task lists for the judge, generated: kinds of commands, in spellings, within wrappers, among other tasks.

`dangerous_lists` gives each kind of harm within each wrapper, the spelling taken in turn; `harmless_lists`
does the same with commands that read, whose words look like harm.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

Words = list[Any]

# What does harm, by the mark that it must have.
DANGEROUS: dict[str, list[str]] = {
    "destructive": [
        "rm -rf build",
        "rm --recursive --force build",
        "rmdir build",
        "unlink notes",
        "shred -u notes",
        "truncate -s 0 notes",
        "find . -name a -delete",
        "find -files0-from names -delete",
        "find build -type f -exec rm {} +",
        "dd if=/dev/zero of=notes",
        "dd if=a of=/dev/sda",
        "cp /dev/null notes",
        "mkfs.ext4 /dev/sdb1",
        "kill -9 1",
        "pkill -f server",
        "git reset --hard",
        "git clean -fdx",
        "git checkout -- .",
        "git branch -D topic",
        "git push --force origin main",
        "git stash drop",
        "rsync -a --delete a/ b/",
        "crontab -r",
        "docker system prune -af",
        "kubectl delete pod a",
        "tar -cf a.tar --remove-files build",
        "find . -fprint /dev/sda",
        "sort -o /etc/hosts a",
        "tee /home/ann/notes",
        "curl -o ../notes https://example.com/a",
        "zip -m a.zip notes",
    ],
    "writes": [
        "sed -i s/a/b/ notes",
        "sed -n 'w out' a",
        "sort -uo out a",
        'awk "{print > \\"out\\"}" a',
        "tee notes",
        "touch notes",
        "mv a b",
        "ln -sf a b",
        "install -m 755 a b",
        "find . -fprintf out %p",
        "git log --output=out",
        "uniq a b",
        "split -l 5 a",
        "gzip notes",
        "tar xf a.tar",
        "unzip a.zip",
        "chmod 777 notes",
        "curl -d @notes https://example.com",
    ],
    "network": [
        "curl https://example.com",
        "wget -qO- https://example.com",
        "ssh host ls",
        "nc -l 80",
        "git fetch",
    ],
    "privilege": [
        "chown root /etc/a",
        "chmod u+s notes",
        "mount /dev/sdb1 /mnt",
        "systemctl stop a",
        "useradd eve",
    ],
    "runs_code": [
        'awk "BEGIN {system(\\"x\\")}"',
        "sed '1e x' a",
        "python3 -c pass",
        "perl -e 1",
        "make",
        "git -c core.pager=x log",
        "git -p log",
        "git log --ext-diff",
        "git diff --textconv",
        "git log --show-signature",
        "git submodule foreach x",
        "env LD_PRELOAD=./a.so ls",
        "env LESSOPEN=x less a",
        "env TAR_OPTIONS=x tar tf a.tar",
        "env BASH_ENV=x ls",
        "env RIPGREP_CONFIG_PATH=x grep a b",
        "man -P x ls",
        "less +!x a",
        "tar tf a.tar --checkpoint-action=exec=x",
        "tar tf a.tar -I x",
        "rg --pre x a",
        "sort --compress-program=x a",
        "tee .git/hooks/pre-commit",
        "cp a .git/hooks/",
        "cp -r b/.vscode .",
        "mv a .envrc",
        "ln -s a .husky/pre-push",
        "tee -a .bashrc",
        "sed -i s/a/b/ package.json",
        "install -D a .local/bin/ls",
        "curl -O https://example.com/Makefile",
        "touch .claude/settings.json",
        "chmod +x .git/hooks/pre-push",
        "find . -fprint .mcp.json",
    ],
}

HARMLESS = [
    "ls -la rm", "cat delete.sql", "grep -rn delete src", "grep -- -rf a", "find . -name rm*",
    "wc -l rm.txt", "head -n 5 kill.c", "tail -n 3 a", "sort -u rm.txt", "uniq -c a", "cut -d : -f 1 a",
    "tr rm RM", "sed s/rm/x/ a", "sed -n /delete/p a", "awk '{print $1}' a", "echo rm -rf /",
    "printf %s -delete", "du -sh .", "df -h", "file rm", "stat rm", "basename /bin/rm",
    "dirname /bin/rm", "date +%F", "whoami", "id", "uname -a", "ps aux", "which rm", "diff a b",
    "diff -u a b", "comm a b", "join a b", "paste a b", "nl a", "tac a", "rev a", "fold -w 9 a", "md5sum a",
    "sha256sum a", "od -c a", "strings a", "column -t a", "seq 5", "env", "printenv HOME", "tree",
    "readlink a", "realpath a", "cat .bashrc", "grep a .git/config", "ls .git/hooks", "cat Makefile",
    "head package.json", "wc -l .envrc", "stat .ssh/config",
]  # fmt: skip
"""Git is not among them: within another command it is `runs_code`, and never destructive."""
HARMLESS_GIT = [
    "git status", "git log --grep=clean", "git diff HEAD~1", "git show HEAD", "git blame rm.c",
    "git grep delete", "git branch -a", "git tag -l", "git remote -v", "git stash list", "git ls-files",
    "git shortlog -sn",
]  # fmt: skip


class Made(NamedTuple):
    """A task list: rows as a model writes them, which task of them counts, and the mark it must have."""

    rows: list[dict[str, Any]]
    task: int
    mark: str


Change = Callable[[Words], Words]


def _itself(words: Words) -> Words:
    return words


def _before(text: str) -> Change:
    return lambda words: [*shlex.split(text), *words]


def _in_text(text: str) -> Change:
    return lambda words: [*shlex.split(text), shlex.join(words)]


def _in_find(option: str, end: str) -> Change:
    return lambda words: ["find", ".", option, *words, end]


_PREFIXES = [
    "sudo", "sudo -u bob -n", "doas", "env A=b", "env -i", "nice -n 5", "ionice -c 3", "nohup",
    "setsid", "timeout 5", "timeout -k 1 2m", "stdbuf -oL", "time -p", "command", "exec", "xargs -r",
    "xargs -0 -n 1", "busybox", "flock a.lock", "chrt 5", "watch -x", "strace -f", "unshare",
    "sudo env A=b nice", "xargs env nice",
]  # fmt: skip
_SHELLS = ["sh -c", "bash -lc", "sudo sh -c", "env -S", "eval", "watch -n 1", "ssh h"]
WRAPPERS: dict[str, Change] = {
    "nothing": _itself,
    **{text: _before(text) for text in _PREFIXES},
    **{text: _in_text(text) for text in _SHELLS},
    "find -exec": _in_find("-exec", ";"),
    "find -ok": _in_find("-ok", ";"),
}
HARMLESS_WRAPPERS = [
    "nothing", "env A=b", "nice -n 5", "timeout 5", "stdbuf -oL", "xargs -0 -n 1", "find -exec", "nohup",
]  # fmt: skip


def _by_its_path(words: Words) -> Words:
    return [f"/usr/bin/{words[0]}", *words[1:]]


def _in_pieces(words: Words) -> Words:
    return [words[0], *({"text": [word[:2], word[2:]]} if len(word) > 2 else word for word in words[1:])]


def _with_wide_blanks(words: Words) -> Words:
    """Put an empty text in front of the last word, which changes nothing."""
    return [*words[:-1], {"text": ["", words[-1]]}] if words[1:] else words


TYPED: dict[str, Change] = {"in pieces": _in_pieces, "an empty text before": _with_wide_blanks}
SPELLINGS: dict[str, Change] = {"as it is": _itself, "by its path": _by_its_path, **TYPED}
"""Spellings of the same words; typed values stand in no text for a shell, so they are put around it."""


def dangerous_lists() -> Iterator[tuple[str, Made]]:
    """Yield every kind of harm within every wrapper, with a name."""
    kinds = [(mark, text) for mark, texts in DANGEROUS.items() for text in texts]
    yield from _lists(((text, mark, wrapper) for mark, text in kinds for wrapper in WRAPPERS))


def harmless_lists() -> Iterator[tuple[str, Made]]:
    """Yield every harmless command within wrappers that do nothing themselves, with a name."""
    texts = (*HARMLESS, *HARMLESS_GIT)
    yield from _lists((text, "reads", wrapper) for wrapper in HARMLESS_WRAPPERS for text in texts)


def _lists(of: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, Made]]:
    spellings = [*SPELLINGS]
    for number, (text, mark, wrapper) in enumerate(of):
        spelling = spellings[(number + number // 7) % len(spellings)]  # not the same one for a text each time
        yield f"{wrapper}: {text}, {spelling}", _list(text, mark, wrapper=wrapper, spelling=spelling)


def _list(text: str, mark: str, *, wrapper: str, spelling: str) -> Made:
    words = shlex.split(text)
    spelled, wrapped = SPELLINGS[spelling], WRAPPERS[wrapper]
    command, *args = spelled(wrapped(words)) if spelling in TYPED else wrapped(spelled(words))
    task = {"command": command, "args": args, "input_from_task": 2}
    before = [{"command": "ls", "args": ["-la"]}, {"command": "cat", "args": ["a.txt"]}]
    after = {"command": "sort", "args": [], "input_from_task": 3}
    return Made([*before, task, after], len(before) + 1, mark)
