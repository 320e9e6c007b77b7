"""Files that run something later: which they are, in every spelling, and however they come to be written."""

from __future__ import annotations

import re
from time import monotonic
from typing import Any

import pytest

from agx.risk.assess import with_risk
from agx.risk.run_later import RUN_LATER, runs_later
from agx.unix.registry import unix_registry
from tests.documents import ROOT
from tests.plan.helpers import plan_of

PAGE = (ROOT / "docs" / "risk.md").read_text(encoding="utf-8")
LATER = """
.vscode/tasks.json .mcp.json .claude/settings.json .claude/settings.local.json .cursor/mcp.json
.codex/config.toml .gemini/settings.json .husky/pre-commit .husky/_/husky.sh .devcontainer/devcontainer.json
.pre-commit-config.yaml .gitattributes src/.gitattributes .git/info/attributes .git/config .git/hooks/pre-push
~/.local/bin/ls ~/bin/ls /home/ann/bin/ls /Users/ann/bin/ls /root/bin/ls $HOME/bin/ls .envrc Makefile
sub/Makefile GNUmakefile rules.mk package.json setup.py tests/conftest.py sitecustomize.py
venv/lib/python3.11/site-packages/a.pth ~/.config/systemd/user/a.service a.timer /etc/cron.d/a
/var/spool/cron/crontabs/ann ~/.config/autostart/a.desktop a.desktop .ssh/authorized_keys ~/.ssh/config
.npmrc pip.conf ~/.config/pip/pip.conf .bashrc ~/.zshenv ~/.profile ~/.bash_login /etc/profile.d/a.sh
""".split()
OTHERS = """
a notes.txt .vscode tasks.json a/settings.json config .github/a.md husky/a bin/ls tools/bin/ls ~/notes ~/a/bin
hooks/pre-push Makefile.bak package-lock.json my_setup.py conftest.pyc a.pthx authorized_keys.txt .gitignore
docs/cron.md service.txt README.md src/main.c .config .local ~ ~/ / . ..
""".split()
LATER_OR_FOLDER = {".vscode", ".config", ".local"}


@pytest.mark.parametrize("path", LATER)
@pytest.mark.parametrize(
    "spelled", ["{}", "./{}", "a/../{}", "{}/", "x//{}", "../{}", "/srv/x/./{}"], ids=lambda text: text
)
def test_a_file_that_runs_later_is_known_however_it_is_written(path: str, spelled: str) -> None:
    whole = spelled.format(path) if not path.startswith(("~", "/", "$")) or spelled == "{}/" else path
    assert runs_later(whole)
    assert runs_later(whole.swapcase().replace("$home", "$HOME").replace("/HOME/", "/home/"))


@pytest.mark.parametrize("path", sorted(set(OTHERS) - LATER_OR_FOLDER))
def test_another_file_is_none(path: str) -> None:
    assert not runs_later(path)


@pytest.mark.parametrize(
    "path", [".git/hooks", ".vscode", ".husky", "~/bin", ".claude", "~/.local/bin", ".git"]
)
def test_a_folder_of_such_files_is_as_they_are(path: str) -> None:
    assert runs_later(path)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"text": [{"env": "HOME"}, "/.local/bin/x"]}, True),
        ({"text": [{"env": "HOME"}, "/bin/x"]}, True),
        ({"text": [{"env": "REPO"}, "/.git/hooks/pre-commit"]}, True),
        ({"text": [{"env": "REPO"}, "/.husky/", {"env": "NAME"}]}, True),
        ({"glob": ".git/hooks/*"}, True),
        ({"glob": ".bash*"}, True),
        ({"glob": "Make*"}, True),
        ({"glob": ".vscode/t*.json"}, True),
        ({"text": [".git/ho", "oks/x"]}, True),
        ({"text": [{"env": "HOME"}, "/x"]}, False),
        ({"text": ["out-", {"env": "DAY"}]}, False),
        ({"env": "OUT"}, False),
        ({"glob": "notes*"}, False),
    ],
)
def test_a_typed_value_is_read_as_what_it_may_be(item: Any, expected: bool) -> None:
    task = with_risk(plan_of({"command": "tee", "args": ["-a", item]}), unix_registry()).tasks[0]
    assert ("runs_code" in task.risk) is expected


WRITERS: dict[str, dict[str, Any]] = {
    "saved": {"command": "echo", "args": ["x"], "save_to": "{}"},
    "added": {"command": "echo", "args": ["x"], "append_to": "{}"},
    "tee": {"command": "tee", "args": ["{}"]},
    "tee -a": {"command": "tee", "args": ["-a", "{}"]},
    "cp": {"command": "cp", "args": ["a", "{}"]},
    "mv": {"command": "mv", "args": ["a", "{}"]},
    "ln": {"command": "ln", "args": ["-s", "a", "{}"]},
    "install": {"command": "install", "args": ["-D", "-m", "755", "a", "{}"]},
    "rsync": {"command": "rsync", "args": ["-a", "a", "{}"]},
    "sed -i": {"command": "sed", "args": ["-i", "s/a/b/", "{}"]},
    "dd": {"command": "dd", "args": ["if=a", "of={}"]},
    "touch": {"command": "touch", "args": ["{}"]},
    "patch": {"command": "patch", "args": ["{}", "a.diff"]},
    "curl -o": {"command": "curl", "args": ["-o", "{}", "https://example.com/a"]},
    "wget -O": {"command": "wget", "args": ["-O", "{}", "https://example.com/a"]},
    "curl -O": {"command": "curl", "args": ["-O", "https://example.com/{}?raw=1"]},
    "wget": {"command": "wget", "args": ["https://example.com/{}"]},
    "sort -o": {"command": "sort", "args": ["-o", "{}", "a"]},
    "find -fprint": {"command": "find", "args": [".", "-fprint", "{}"]},
    "gunzip": {"command": "gunzip", "args": ["{}.gz"]},
    "uniq": {"command": "uniq", "args": ["a", "{}"]},
    "chmod": {"command": "chmod", "args": ["+x", "{}"]},
    "sudo tee": {"command": "sudo", "args": ["tee", "{}"]},
    "xargs cp": {"command": "xargs", "args": ["-I%", "cp", "%", "{}"]},
    "awk": {"command": "awk", "args": ['{{print > "{}"}}', "a"]},
    "into its folder": {"command": "cp", "args": ["b/{}", "."]},
    "into its folder by an option": {"command": "cp", "args": ["-t", ".", "b/{}"]},
}


def _filled(item: Any, name: str) -> Any:
    if isinstance(item, str):
        return item.replace("{{", "{").replace("}}", "}").replace("{}", name)
    return [_filled(one, name) for one in item]


@pytest.mark.parametrize("name", [".envrc", "Makefile", ".mcp.json", "conftest.py", "package.json"])
@pytest.mark.parametrize("writer", WRITERS)
def test_whatever_writes_such_a_file_runs_code(writer: str, name: str) -> None:
    row = {key: _filled(value, name) for key, value in WRITERS[writer].items()}
    task = with_risk(plan_of(row), unix_registry()).tasks[0]
    assert "runs_code" in task.risk
    harmless = {key: _filled(value, "plain.txt") for key, value in WRITERS[writer].items()}
    assert "runs_code" not in with_risk(plan_of(harmless), unix_registry()).tasks[0].risk


@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("cp", ["pre-commit", ".git/hooks/"]),
        ("cp", ["-t", ".git/hooks", "pre-commit"]),
        ("mv", ["tool", "~/bin"]),
        ("ln", ["-s", "/tmp/x/.bashrc"]),
        ("cp", ["-r", "b/.claude", "."]),
        ("tar", ["-xf", "a.tar", "-C", ".git/hooks"]),
        ("unzip", ["a.zip", "-d", ".vscode"]),
        ("wget", ["-P", ".husky", "https://example.com/pre-commit"]),
    ],
)
def test_what_is_put_into_a_folder_of_such_files_runs_code(command: str, args: list[str]) -> None:
    task = with_risk(plan_of({"command": command, "args": args}), unix_registry()).tasks[0]
    assert "runs_code" in task.risk


@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("rm", [".bashrc"]),
        ("cat", ["Makefile"]),
        ("cp", ["Makefile", "notes.txt"]),
        ("grep", ["a", ".git/config"]),
        ("sed", ["-n", "p", "Makefile"]),
        ("mkdir", [".vscode"]),
        ("ls", [".git/hooks"]),
    ],
)
def test_reading_or_removing_such_a_file_runs_nothing(command: str, args: list[str]) -> None:
    task = with_risk(plan_of({"command": command, "args": args}), unix_registry()).tasks[0]
    assert "runs_code" not in task.risk


def test_the_page_shows_the_table() -> None:
    rows = re.findall(r"^\| ([^|`]+) \| ((?:`[^`]+`(?:, )?)+) \|$", PAGE, re.MULTILINE)
    shown = {what: tuple(re.findall("`([^`]+)`", files)) for what, files in rows}
    assert shown == RUN_LATER


def test_a_folder_of_anything_below_is_named_by_itself() -> None:
    """Only its last name may stand in a pattern: the reader looks for the folder's name as it is."""
    below = [pattern for patterns in RUN_LATER.values() for pattern in patterns if pattern.endswith("/**")]
    assert below
    assert [pattern for pattern in below if "*" in pattern.removesuffix("/**")] == []


@pytest.mark.parametrize("path", ["x/" * 2000 + "a", ".husky/" * 2000 + "a", "a*" * 2000, "m" + "\0" * 4000])
def test_a_long_path_is_judged_at_once(path: str) -> None:
    started = monotonic()
    runs_later(path)
    assert monotonic() - started < 0.5
