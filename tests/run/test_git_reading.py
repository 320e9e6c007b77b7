"""Reading Git commands start no program that a repository names; what may start one is `runs_code`."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from agx.errors import TaskFailed
from agx.risk.assess import with_risk
from agx.unix.registry import unix_registry
from tests.plan.helpers import plan_of
from tests.run.helpers import command, output, run
from tests.run.hostile_repository import HostileRepository

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="Git is not installed")


def _listed(text: str) -> list[str]:
    return text.strip().replace("\n", "|").split("|")


# Those that start a program of the repository when they run as they are.
STARTING = _listed("""
status|status -s|diff|diff --stat|diff HEAD|diff --cached|diff -- a.txt|log|log -p|log --stat
log --oneline|log -1 -Gone|log -p --follow a.txt|log -m -p|show|show --stat|blame a.txt|annotate a.txt
grep one|ls-files|ls-files -m|hash-object a.txt|archive HEAD|diff-files -p|diff-index -p HEAD
check-ignore a|fsck|reflog -p
""")
# Those that start none by themselves, and none more.
OTHERS = _listed("""
branch|tag -l|remote -v|stash list|stash list -p|rev-parse HEAD|config -l|shortlog -sn HEAD
cat-file -p HEAD|reflog|rev-list HEAD|for-each-ref|describe --always|ls-tree HEAD|diff-tree -p HEAD
grep -n --cached one|worktree list|reflog exists HEAD|reflog show -p|show HEAD:a.txt
""")
RUNS_CODE = _listed("""
-p log|--paginate log|log --ext-diff|log --ext-d|diff --textconv|show --show-signature|log --show-sig
-c a.b=c log|-ca.b=c log|--config-env=a.b=C log|--config-env a.b=C log|--exec-path=. log
--exec-path . log|grep --textconv one|grep -Ovim one|log --format=%G?|log --format=%h%GS
log --pretty=format:%GK|log --pretty=tformat:%G?|for-each-ref --format=%(signature)
diff --submodule=diff|diff --submodule|status --ignore-submodules=none|help log|log --help
-C x log --help|--help log|verify-commit HEAD|verify-tag v1|tag -v v1|describe --dirty|describe --broken
archive --format=tgz HEAD|range-diff a...b|submodule status|submodule summary|submodule foreach ls
log --remerge-diff|log --diff-merges=remerge|rev-list --alternate-refs --all
ls-files --recurse-submodules|lg|interpret-trailers a|grep --recurse-submodules one
cat-file --textconv HEAD:a|cat-file --filters HEAD:a|stash show --ext-diff|difftool
reflog --show-signature|status -v|status --verbose|status -vv
""")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> HostileRepository:
    return HostileRepository(tmp_path_factory.mktemp("hostile"))


def risk_of(*words: Any) -> set[str]:
    task = with_risk(plan_of(command(*words)), unix_registry()).tasks[0]
    return set(task.risk)


async def run_git(words: list[str], hostile: HostileRepository, *, folder: Path | None = None) -> str:
    """Run Git as a task with the repository's changes still unread, and return what it printed."""
    hostile.touch()
    hostile.was_entered()
    try:
        return output(await run(folder or hostile.folder, command("git", *words)))
    except TaskFailed as error:  # `check-ignore` ends with 1, and what it would print is of no interest
        if error.result is None or error.result.tasks[0].exit_code != 1:
            raise
        return ""


@pytest.mark.parametrize("text", STARTING)
async def test_a_reading_command_starts_nothing(text: str, hostile: HostileRepository) -> None:
    words = shlex.split(text)
    assert risk_of("git", *words) == {"reads"}
    hostile.touch()
    hostile.git(*words)
    assert hostile.was_entered(), "as it is, it starts a program"
    await run_git(words, hostile)
    assert not hostile.was_entered()


@pytest.mark.parametrize("text", OTHERS)
async def test_others_start_nothing_either(text: str, hostile: HostileRepository) -> None:
    words = shlex.split(text)
    assert risk_of("git", *words) == {"reads"}
    await run_git(words, hostile)
    assert not hostile.was_entered()


@pytest.mark.parametrize("text", ["status", "diff", "log -p", "show", "blame a.txt", "grep one"])
@pytest.mark.parametrize(
    "options",
    [
        ["-C", "repository"],
        ["-C", ".", "-C", "repository"],
        ["--git-dir=repository/.git", "--work-tree=repository"],
        ["--git-dir", "repository/.git", "--work-tree", "repository"],
        ["--no-pager", "-C", "repository"],
    ],
    ids=" ".join,
)
async def test_from_elsewhere_too(text: str, options: list[str], hostile: HostileRepository) -> None:
    words = [*options, *shlex.split(text)]
    assert risk_of("git", *words) == {"reads"}
    await run_git(words, hostile, folder=hostile.folder.parent)
    assert not hostile.was_entered()


async def test_it_prints_what_it_would_print_without_such_settings(hostile: HostileRepository) -> None:
    text = await run_git(["diff", "HEAD", "--", "a.txt"], hostile)
    assert text.startswith("diff --git a/a.txt b/a.txt\n")
    assert "+more\n" in text
    assert " M a.txt\n" in await run_git(["status", "-s"], hostile)
    assert "signed" in await run_git(["log", "--format=%s"], hostile)


async def test_what_is_only_put_into_a_file_is_read_alike(hostile: HostileRepository) -> None:
    hostile.touch()
    for words in (
        ["log", "-p", "--output=out"],
        ["diff", "--output=out"],
        ["archive", "-o", "out.tar", "HEAD"],
    ):
        assert risk_of("git", *words) == {"reads", "writes"}
        await run_git(words, hostile)
        assert not hostile.was_entered()
    for name in ("out", "out.tar"):
        assert (hostile.folder / name).read_bytes()
        (hostile.folder / name).unlink()


@pytest.mark.parametrize("text", ["config --get core.pager", "config --get core.fsmonitor", "var GIT_PAGER"])
async def test_settings_that_are_asked_for_are_shown_as_they_are(
    text: str, hostile: HostileRepository
) -> None:
    assert (await run_git(text.split(), hostile)).strip() == str(hostile.mark.parent / "program")
    assert not hostile.was_entered()


async def test_the_folder_of_hooks_is_shown_as_it_is(hostile: HostileRepository) -> None:
    assert await run_git(["rev-parse", "--git-path", "hooks"], hostile) == ".git/hooks\n"


async def test_a_record_has_the_words_of_the_plan(hostile: HostileRepository) -> None:
    result = await run(hostile.folder, command("git", "log", "--oneline", save_to="log.txt"))
    assert result.tasks[0].argv == ("git", "log", "--oneline")
    assert not hostile.was_entered()
    (hostile.folder / "log.txt").unlink()


async def test_a_clone_that_is_not_whole_fetches_nothing(hostile: HostileRepository, tmp_path: Path) -> None:
    """A promised object is fetched by a program that the settings name (`remote.*.uploadpack`)."""
    source, clone = tmp_path / "source", tmp_path / "clone"
    hostile.git("init", "-q", str(source))
    (source / "a.txt").write_text("one\n")
    for words in (["add", "."], ["commit", "-qm", "one"], ["config", "uploadpack.allowFilter", "true"]):
        hostile.git(*words, folder=source)
    hostile.git("clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{source}", str(clone))
    hostile.git("config", "remote.origin.uploadpack", f"touch {hostile.mark}; false", folder=clone)
    hostile.was_entered()
    hostile.git("cat-file", "-p", "HEAD:a.txt", folder=clone)
    assert hostile.was_entered()
    with pytest.raises(TaskFailed):
        await run(clone, command("git", "cat-file", "-p", "HEAD:a.txt"))
    assert not hostile.was_entered()


async def test_a_filter_whose_name_cannot_be_switched_off_stops_the_task(tmp_path: Path) -> None:
    hostile = HostileRepository(tmp_path)
    hostile.git("config", "filter.a=b.clean", "x")
    with pytest.raises(TaskFailed, match=r"filter\.a=b runs a program, and its name cannot be switched off"):
        await run(hostile.folder, command("git", "status"))
    assert not hostile.was_entered()


@pytest.mark.parametrize("text", RUNS_CODE)
def test_what_may_start_a_program_runs_code(text: str) -> None:
    assert "runs_code" in risk_of("git", *shlex.split(text))


@pytest.mark.parametrize(
    "words",
    [
        ["xargs", "git", "log"],
        ["env", "git", "status"],
        ["nice", "-n", "5", "git", "diff"],
        ["find", ".", "-name", ".git", "-execdir", "git", "status", ";"],
        ["timeout", "9", "git", "-C", "x", "show"],
        ["env", "GIT_PAGER=x", "git", "log"],
    ],
    ids=" ".join,
)
def test_git_inside_another_command_runs_code(words: list[str]) -> None:
    """What AGX puts into a task's own words, it cannot put there."""
    assert "runs_code" in risk_of(*words)


async def test_an_approved_task_that_runs_code_is_as_it_was(hostile: HostileRepository) -> None:
    hostile.was_entered()
    await run(hostile.folder, command("git", "log", "-p", "--textconv"))
    assert hostile.was_entered()
