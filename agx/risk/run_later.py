"""Files that run something later: what is in them is run at login, by a tool, by an editor, by a timer.

One table, `RUN_LATER`, which `docs/risk.md` shows. A pattern matches in any folder, as one in a `.gitignore`
does: `*` stands for any part of a name, `**` for anything below a folder, and `~/` for a home folder only.
Upper and lower case are alike, since they are the same file on macOS and Windows.
"""

from __future__ import annotations

import re
from functools import cache
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


def runs_later(path: str) -> bool:
    """Return whether a file of this path, or a file in a folder of this path, runs something later."""
    whole = normpath(_MARKS.sub("", path))
    home = _HOME.match(whole)
    place = f"~{whole[home.end() :]}" if home else whole
    names = place.split("/")
    last = names[-1]
    if DATA in last and last.index(DATA) >= _MIN_LITERAL_CHARS:
        return _pattern_may_match(names)
    return _files().search(place) is not None or _folders().search(place) is not None


def _pattern_may_match(names: list[str]) -> bool:
    """Return whether names that match a pattern such as `.bash*` may be those of such a file."""
    *folders, last = names
    given = last.replace(DATA, "*").lower()[:_MAX_NAME_CHARS]
    given = given if len(last) <= _MAX_NAME_CHARS else given + "*"
    for pattern in _patterns():
        parent, _, name = pattern.rpartition("/")
        is_there = not parent or re.search(_anchored(parent) + "$", "/".join(folders), re.IGNORECASE)
        if is_there and (parent or not name.startswith("*")) and _overlap(given, name.lower()):
            return True
    return False


@cache
def _overlap(one: str, other: str) -> bool:
    """Return whether some name matches both patterns, in which `*` is any text."""
    if not one or not other:
        return set(one + other) <= {"*"}
    if one[0] == "*":
        return _overlap(one[1:], other) or _overlap(one, other[1:])
    if other[0] == "*":
        return _overlap(other, one)
    return one[0] == other[0] and _overlap(one[1:], other[1:])


def _patterns() -> list[str]:
    return [pattern for patterns in RUN_LATER.values() for pattern in patterns]


@cache
def _files() -> re.Pattern[str]:
    """Return what matches the path of such a file."""
    return re.compile("|".join(f"{_anchored(pattern)}$" for pattern in _patterns()), re.IGNORECASE)


@cache
def _folders() -> re.Pattern[str]:
    """Return what matches the path of a folder of such files, below the home folder itself."""
    folders = {"/".join(pattern.split("/")[:end]) for pattern in _patterns() for end in _ends(pattern)}
    return re.compile("|".join(f"{_anchored(folder)}$" for folder in sorted(folders)), re.IGNORECASE)


def _ends(pattern: str) -> range:
    """Return how many names of a pattern make a folder of such files: its own, and hidden ones above it."""
    depth = pattern.count("/")
    if pattern.startswith("."):
        return range(1, depth + 1)
    return range(depth, depth + 1) if "/*" in pattern else range(0)


def _anchored(pattern: str) -> str:
    """Return a pattern as a regular expression that begins where a name begins."""
    start = "^" if pattern.startswith(("~", "/")) else "(?:^|/)"
    text = re.escape(pattern).replace(r"\*\*", ".+").replace(r"\*", "[^/]*")
    return start + text
