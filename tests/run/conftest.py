"""A folder with programs that show how they were called."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.run.helpers import write_program


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder in which `show` prints its arguments as JSON, byte for byte."""
    write_program(
        tmp_path,
        "show",
        "import json, os, sys\nprint(json.dumps([os.fsencode(a).decode('latin-1') for a in sys.argv[1:]]))\n",
    )
    return tmp_path
