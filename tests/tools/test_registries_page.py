"""`docs/registries.md`: its TOML is a registry, and it says what the code does."""

from __future__ import annotations

import pytest

from agx.app.registries import parse_registry
from agx.plan.tools import MAX_TOOLS
from agx.tools.plain import MAX_DEPTH, MAX_NAME_CHARS
from agx.tools.registry_files import MAX_FILE_BYTES
from agx.tools.registry_formats import OWN_KEYS
from agx.tools.schema_references import MAX_UNFOLDED
from agx.tools.tool_schemas import MAX_PARTS
from tests.documents import ROOT, Block, blocks

TEXT = " ".join((ROOT / "docs" / "registries.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: block.place)
def test_toml_is_a_registry(block: Block) -> None:
    if "tools" in block.text:
        assert len(parse_registry(block.text.encode(), source=block.place, suffix=".toml")) > 0


def test_the_page_has_every_key_and_limit() -> None:
    assert [key for key in (*OWN_KEYS, "schema") if f"| `{key}` |" not in TEXT] == []
    for words in (
        f"nesting above {MAX_DEPTH} levels",
        f"more than {MAX_TOOLS} tools",
        f"more than {MAX_FILE_BYTES >> 20} MiB",
        f"to more than {MAX_UNFOLDED} schemas",
        f"has more than {MAX_PARTS} schemas in it",
        f"at most {MAX_NAME_CHARS} characters",
    ):
        assert words in TEXT
