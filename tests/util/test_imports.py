"""Packages of which only a module is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from agx.util.imports import bare_package


def test_only_the_module_is_imported_and_the_package_can_be_later() -> None:
    program = """
        import sys
        from agx.util.imports import bare_package
        with bare_package("email"):
            from email import errors
        assert "email" not in sys.modules and "email.errors" in sys.modules
        import email
        assert email.message_from_string and sys.modules["email.errors"] is errors
        with bare_package("email"):
            assert sys.modules["email"] is email
        assert sys.modules["email"] is email
    """
    lines = [line.removeprefix(" " * 8) for line in program.splitlines()]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)


def test_a_package_that_is_not_there_is_an_import_error() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_package"), bare_package("no_such_package"):
        pass
