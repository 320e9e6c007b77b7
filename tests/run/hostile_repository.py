"""A repository whose own settings name programs, each of which leaves a mark when it runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

_SETTINGS = """
core.fsmonitor core.pager pager.log pager.diff pager.status pager.show pager.blame pager.grep pager.branch
core.sshCommand core.editor core.askPass core.alternateRefsCommand credential.helper diff.external
diff.x.command diff.x.textconv filter.x.clean filter.x.smudge filter.y.process gpg.program gpg.ssh.program
gpg.x509.program tar.tgz.command merge.x.driver trailer.x.command man.x.cmd browser.x.cmd sequence.editor
interactive.diffFilter
""".split()
_ON = (
    "log.showSignature=true",
    "diff.submodule=diff",
    "status.submoduleSummary=true",
    "submodule.recurse=true",
    "submodule.sub.ignore=none",
    "log.diffMerges=remerge",
    "filter.x.required=true",
    "format.pretty=%H %G?",
)
_HOOKS = ("post-index-change", "pre-commit", "post-checkout", "reference-transaction")
_SIGNED = """tree {tree}
author a <a@b> 1700000000 +0000
committer a <a@b> 1700000000 +0000
gpgsig -----BEGIN PGP SIGNATURE-----
 x
 -----END PGP SIGNATURE-----

signed
"""


class HostileRepository:
    """Repository `folder/repository` with a submodule `sub`; `mark` appears once one of its programs runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "repository"
        self.mark = folder / "mark"
        self._environ = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        inner = folder / "inner"
        for place in (inner, self.folder):
            place.mkdir()
            self.git("init", "-q", folder=place)
            (place / "a.txt").write_text("one\n")
            self.git("add", ".", folder=place)
            self.git("commit", "-qm", "one", folder=place)
        self.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "sub")
        (self.folder / "a.txt").write_text("one\ntwo\n")
        self.git("commit", "-qam", "two")
        self._add_programs(folder)

    def git(self, *words: str, folder: Path | None = None) -> str:
        """Run Git as it is, and return what it prints."""
        done = subprocess.run(
            ("git", *words),
            cwd=folder or self.folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.stdout.strip()

    def was_entered(self) -> bool:
        """Return whether a program of the repository ran since this was last asked."""
        was = self.mark.exists()
        self.mark.unlink(missing_ok=True)
        return was

    def touch(self) -> None:
        """Make the files look changed, so that Git reads them again."""
        for path in (self.folder / "a.txt", self.folder / "sub" / "a.txt"):
            path.write_text(path.read_text() + "more\n")

    def _add_programs(self, folder: Path) -> None:
        program = folder / "program"
        program.write_text(
            f'#!/bin/sh\necho "$0 $*" >> {self.mark}\n[ -f "$1" ] && exec cat "$1"\nexec cat\n'
        )
        program.chmod(0o755)
        tree = self.git("rev-parse", "HEAD^{tree}")
        signed = folder / "signed"
        signed.write_text(_SIGNED.format(tree=tree))
        self.git("update-ref", "HEAD", self.git("hash-object", "-t", "commit", "-w", str(signed)))
        (self.folder / "a.txt").write_text("one\ntwo\nthree\n")
        for name in _SETTINGS:
            self.git("config", name, str(program))
            self.git("config", name, str(program), folder=self.folder / "sub")
        for setting in _ON:
            self.git("config", *setting.split("=", 1))
        for hook in _HOOKS:
            (self.folder / ".git" / "hooks").mkdir(exist_ok=True)
            (self.folder / ".git" / "hooks" / hook).symlink_to(program)
        attributes = "*.txt diff=x filter=x merge=x\n*.md filter=y\n"
        (self.folder / ".git" / "info").mkdir(exist_ok=True)
        (self.folder / ".git" / "info" / "attributes").write_text(attributes)
        (self.folder / ".gitattributes").write_text(attributes)
        self.mark.unlink(missing_ok=True)
