"""Packages of which only a module is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from agx.util.imports import bare_package


def run(program: str, *folders: Path) -> None:
    """Run a program in a new process, with modules from these folders too."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYDANTIC_")}
    path = os.pathsep.join([*map(str, folders), env.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    subprocess.run([sys.executable, "-c", dedent(program)], check=True, env=env | {"PYTHONPATH": path})


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
    run(program)


def test_a_package_that_is_not_there_is_an_import_error() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_package"), bare_package("no_such_package"):
        pass


def test_a_module_of_functions_is_imported_when_one_is_called(tmp_path: Path) -> None:
    """What was imported meanwhile has the stand-in, and what is imported later the module."""
    (tmp_path / "user_of_it.py").write_text("import quopri\nfrom quopri import decodestring\n")
    program = """
        import sys
        from agx.util.imports import deferred_functions
        with deferred_functions("quopri"):
            import user_of_it
        assert "quopri" not in sys.modules
        assert user_of_it.decodestring(b"=41") == b"A"
        assert user_of_it.quopri.encodestring(b"=") == b"=3D"
        import quopri
        assert sys.modules["quopri"] is quopri and quopri.ESCAPE
        with deferred_functions("quopri"):
            assert sys.modules["quopri"] is quopri
        assert sys.modules["quopri"] is quopri
    """
    run(program, tmp_path)


def test_pydantic_still_finds_its_plugins(tmp_path: Path) -> None:
    """Where they are not turned off, as the command line does."""
    folder = tmp_path / "a_plugin-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: a-plugin\nVersion: 1\n")
    (folder / "entry_points.txt").write_text("[pydantic]\nit = a_plugin:plugin\n")
    (tmp_path / "a_plugin.py").write_text(
        "seen = []\n"
        "class Plugin:\n"
        "    def new_schema_validator(self, schema, schema_type, *rest):\n"
        "        seen.append(schema_type.__name__)\n"
        "        return None, None, None\n"
        "plugin = Plugin()\n"
    )
    run("import agx.plan.schema, a_plugin; assert 'Task' in map(str, a_plugin.seen), a_plugin.seen", tmp_path)


def test_a_module_takes_the_place_of_another_one_for_a_while(tmp_path: Path) -> None:
    """What was imported meanwhile has it, and what is imported later the real one."""
    (tmp_path / "user_of_it.py").write_text("from quopri import b64decode\n")
    program = """
        import base64, sys
        from agx.util.imports import substituted
        with substituted("quopri", base64):
            import user_of_it
        assert user_of_it.b64decode is base64.b64decode
        import quopri
        assert quopri is not base64
        with substituted("quopri", base64):
            assert sys.modules["quopri"] is quopri
        assert sys.modules["quopri"] is quopri
    """
    run(program, tmp_path)
