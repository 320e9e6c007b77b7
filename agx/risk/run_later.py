"""Files that run something later: what is in them is run at login, by a tool, by an editor, by a timer.

One table, `RUN_LATER`, which `docs/risk.md` shows. A pattern matches in any folder, as one in a `.gitignore`
does: `*` stands for any part of a name, `**` for anything below a folder, and `~/` for a home folder only.
Upper and lower case are alike, since they are the same file on macOS and Windows.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from posixpath import normpath

from agx.unix.calls import DATA

RUN_LATER: dict[str, tuple[str, ...]] = {
    "shells, at start and at login": tuple(
        (
            ".*rc .*profile .zshenv .login .logout .*_login .*_logout .bash_aliases .envrc .env.local "
            ".pam_environment .config/fish/** .zsh/** .oh-my-zsh/** .profile.d/* profile.d/* /etc/profile "
            "/etc/bash.bashrc /etc/environment environment.d/*"
        ).split()
    ),
    "programs found by name": tuple("~/bin/* .local/bin/* .cargo/bin/* node_modules/.bin/*".split()),
    "Git and other version control": tuple(
        (
            ".git/config .git/config.worktree .git/hooks/* .git/info/attributes .git/modules/** "
            ".gitattributes .gitconfig .gitmodules .config/git/* .husky/** .githooks/* "
            ".pre-commit-config.yaml .pre-commit-hooks.yaml lefthook.y*ml .lefthook.y*ml .lefthook/** "
            ".overcommit.yml .hg/hgrc .jj/repo/config.toml"
        ).split()
    ),
    "editors and their containers": tuple(
        (
            ".vscode/*.json *.code-workspace .idea/** .zed/*.json .devcontainer/** .devcontainer.json "
            ".config/nvim/** .config/Code/User/** .vim/** .emacs .emacs.d/** .exrc .nvim.lua .dir-locals.el "
            ".*init"
        ).split()
    ),
    "agents": tuple(
        (
            ".mcp.json mcp.json .claude.json .claude/settings*.json .claude/hooks/** .claude/commands/** "
            ".claude/agents/** .claude/skills/** .cursor/mcp.json .cursor/hooks.json .cursor/rules/** "
            ".codex/config.toml .codex/hooks.json .gemini/settings.json .gemini/commands/** .continue/** "
            ".aider.conf.yml .windsurf/** mcp_config.json mcp_settings.json claude_desktop_config.json "
            "opencode.json .opencode/** .copilot/mcp-config.json .amazonq/mcp.json"
        ).split()
    ),
    "builds and packages": tuple(
        (
            "Makefile GNUmakefile *.mk Justfile .justfile Taskfile.y*ml Rakefile Gemfile *.gemspec "
            "Gruntfile.* gulpfile.* CMakeLists.txt configure meson.build SConstruct wscript build.rs "
            "build.gradle* settings.gradle* gradlew pom.xml mvnw .mvn/** BUILD.bazel WORKSPACE .cargo/config "
            ".cargo/config.toml package.json .yarnrc.yml .pnpmfile.cjs binding.gyp *.config.js *.config.ts "
            "*.config.mjs *.config.cjs deno.json* composer.json setup.py setup.cfg pyproject.toml noxfile.py "
            "tox.ini conftest.py pytest.ini pip.conf pip.ini .pypirc flake.nix shell.nix default.nix "
            "Dockerfile Containerfile docker-compose*.y*ml compose*.y*ml Vagrantfile Procfile Jenkinsfile "
            ".gitlab-ci.yml .travis.yml .circleci/** .github/workflows/* .github/actions/** "
            "azure-pipelines.yml bitbucket-pipelines.yml"
        ).split()
    ),
    "interpreters": tuple(
        "sitecustomize.py usercustomize.py *.pth .ipython/** .jupyter/** .Rprofile .Renviron".split()
    ),
    "timers, services, the desktop": tuple(
        (
            "crontab crontabs/* crontab/* cron.d/* cron.daily/* cron.hourly/* cron.weekly/* "
            "cron.monthly/* anacrontab *.service *.timer *.socket *.path "
            ".config/systemd/** systemd/system/** systemd/user/** init.d/* rc.local rc.d/* autostart/* "
            "*.desktop LaunchAgents/* LaunchDaemons/* .xsession .xprofile .xinitrc .config/sway/** "
            ".config/i3/** .config/hypr/** udev/rules.d/* polkit-1/rules.d/* at.allow ld.so.preload"
        ).split()
    ),
    "access from outside": tuple(
        (
            "authorized_keys authorized_keys2 .ssh/config .ssh/config.d/* .ssh/rc sshd_config "
            "sshd_config.d/* .rhosts .shosts .forward .kube/config sudoers sudoers.d/* pam.d/* doas.conf"
        ).split()
    ),
    "settings that name programs": tuple(
        (
            ".tmux.conf .config/tmux/** .my.cnf .lesskey .lesskey.d/* .config/lesskey .lessfilter .mailcap "
            ".gnupg/*.conf .config/pip/* .docker/config.json .aws/config .config/mpv/** .config/bat/**"
        ).split()
    ),
}

_MARKS = re.compile("[\1\2]")
_HOME = re.compile(rf"(?:~[\w.-]*|\$HOME|\$\{{HOME\}}|/{DATA}|(?i:/(?:home|Users)/[^/]+|/root))(?=/|$)")
_MIN_LITERAL_CHARS = 2  # of a pattern of names, before its first wildcard
_MAX_NAME_CHARS = 64

Names = tuple[str, ...]


def runs_later(path: str) -> bool:
    """Return whether a file of this path, or a file in a folder of this path, runs something later."""
    whole = normpath(_MARKS.sub("", path))
    home = _HOME.match(whole)
    place = f"~{whole[home.end() :]}" if home else whole
    names = tuple(place.lower().split("/"))
    is_open = names[-1].find(DATA) >= _MIN_LITERAL_CHARS
    return any(
        (_may_be(names, pattern) if is_open else _is_at(names, pattern)) or _is_folder(names, pattern)
        for pattern in _patterns()
    )


@cache
def _patterns() -> tuple[Names, ...]:
    """Return the patterns of the table, as names in lower case."""
    texts = (text for texts in RUN_LATER.values() for text in texts)
    return tuple(tuple(text.lower().split("/")) for text in texts)


def _is_at(names: Names, pattern: Names) -> bool:
    """Return whether a path ends as a pattern says, or leads to anywhere below where it does."""
    if pattern[-1] != "**":
        return _ends_with(names, pattern)
    folder = pattern[:-1]
    ends = (end for end, name in enumerate(names[:-1], start=1) if name == folder[-1])
    return folder[-1] in names and any(_ends_with(names[:end], folder) for end in ends)


def _ends_with(names: Names, pattern: Names) -> bool:
    is_anchored = pattern[0] in ("~", "")
    start = len(names) - len(pattern)
    if start < 0 or (is_anchored and start > 0):
        return False
    # The last name tells most files from each other.
    return all(map(_fits, reversed(names), reversed(pattern)))


def _is_folder(names: Names, pattern: Names) -> bool:
    """Return whether a path is a folder of such files: their own, or a hidden one above it."""
    depth = len(pattern) - 1
    if pattern[0].startswith("."):
        return any(_ends_with(names, pattern[:end]) for end in range(1, depth + 1))
    return depth > 0 and "*" in pattern[-1] and _ends_with(names, pattern[:depth])


def _may_be(names: Names, pattern: Names) -> bool:
    """Return whether names that match a pattern such as `.bash*` may be those of such a file."""
    *_, last = names
    given = last.replace(DATA, "*")
    given = given if len(given) <= _MAX_NAME_CHARS else given[:_MAX_NAME_CHARS] + "*"
    folder, name = pattern[:-1], pattern[-1]
    is_there = not folder or _ends_with(names[:-1], folder) or (name == "**" and _is_at(names, pattern))
    return is_there and (bool(folder) or not name.startswith("*")) and _overlap(given, name)


def _fits(name: str, pattern: str) -> bool:
    """Return whether a name is as a pattern says, in which `*` is any text."""
    first, *rest = pattern.split("*")
    if not rest:
        return name == pattern
    *middle, last = rest
    if not name.startswith(first) or len(name) < len(first) + len(last):
        return False
    at, end = len(first), len(name) - len(last)
    for piece in middle:
        at = name.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return name.endswith(last)


@lru_cache(maxsize=1 << 14)
def _overlap(one: str, other: str) -> bool:
    """Return whether some name matches both patterns."""
    if not one or not other:
        return set(one + other) <= {"*"}
    if one[0] == "*":
        return _overlap(one[1:], other) or _overlap(one, other[1:])
    if other[0] == "*":
        return _overlap(other, one)
    return one[0] == other[0] and _overlap(one[1:], other[1:])
