"""What it means to write to a path."""

from __future__ import annotations

import pytest

from agx.risk.written_paths import is_system, risks_of_writing


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a", {"writes"}),
        ("./a/../b", {"writes"}),
        ("/tmp/a", {"writes"}),
        ("/var/tmp/a", {"writes"}),
        ("/dev/shm/a", {"writes"}),
        ("/dev/null", set()),
        ("/dev/stderr", set()),
        ("-", set()),
        ("/dev/sda", {"writes", "destructive"}),
        ("//dev/sda", {"writes", "destructive"}),
        ("/tmp/../dev/sda", {"writes", "destructive"}),
        ("/dev/tcp/h/1", {"writes", "network"}),
        ("/etc/hosts", {"writes", "destructive", "privilege"}),
        ("/tmp/../etc/hosts", {"writes", "destructive", "privilege"}),
        ("../../../../etc/hosts", {"writes", "destructive", "privilege"}),
        ("/home/ann/a", {"writes", "destructive"}),
        ("~/a", {"writes", "destructive"}),
        ("$HOME/a", {"writes", "destructive"}),
        ("${HOME}/../../etc/a", {"writes", "destructive", "privilege"}),
        ("../a", {"writes", "destructive"}),
        ("a/../../b", {"writes", "destructive"}),
        ("..a", {"writes"}),
        (".bashrc", {"writes", "runs_code"}),
        ("~/.bashrc", {"writes", "destructive", "runs_code"}),
        (".git/hooks/pre-commit", {"writes", "runs_code"}),
        ("/\0/.bashrc", {"writes", "runs_code"}),
        ("\0", {"writes"}),
        ("", {"writes"}),
    ],
)
def test_a_file_that_is_overwritten(path: str, expected: set[str]) -> None:
    assert set(risks_of_writing(path, overwrites=True)) == expected


def test_a_file_elsewhere_that_only_gets_more_loses_nothing() -> None:
    assert set(risks_of_writing("../a", overwrites=False)) == {"writes"}
    assert set(risks_of_writing("/dev/sda", overwrites=False)) == {"writes", "destructive"}


@pytest.mark.parametrize("path", ["/", "//", "/etc", "/usr/lib/", "/home", "/dev/sda", "/tmp/../bin"])
def test_folders_of_the_system(path: str) -> None:
    assert is_system(path)


@pytest.mark.parametrize("path", ["a", "/home/ann", "/tmp/x", "/var/tmp/x", "etc", "", "/etcetera"])
def test_other_folders(path: str) -> None:
    assert not is_system(path)
