"""The house in a picture: which room of `agx` imports from which, drawn into CONTRIBUTING.md.

A room is a folder or a file directly in `agx`. An arrow that follows from two others is left out: where
`cli` imports `app` and `app` imports `plan`, none is drawn from `cli` to `plan`.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "agx"
PAGE = ROOT / "CONTRIBUTING.md"
BEGIN = "<!-- scripts/house: begin -->\n"
END = "<!-- scripts/house: end -->\n"

Imports = Mapping[str, frozenset[str]]


def rooms(package: Path = PACKAGE) -> dict[str, Path]:
    """Return the file of every room that says what it is: a folder's `__init__`, or the module."""
    folders = {path.parent.name: path for path in package.glob("*/__init__.py")}
    modules = {path.stem: path for path in package.glob("*.py") if not path.stem.startswith("__")}
    return dict(sorted((folders | modules).items()))


def room_imports(package: Path = PACKAGE) -> dict[str, frozenset[str]]:
    """Return the other rooms that each room imports from, for types and inside functions too."""
    return {name: frozenset(_imported(path, package)) - {name} for name, path in rooms(package).items()}


def _imported(path: Path, package: Path) -> Iterable[str]:
    files = path.parent.rglob("*.py") if path.name == "__init__.py" else [path]
    for file in files:
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.ImportFrom):
                yield from _rooms_of(node.module or "", [alias.name for alias in node.names], package)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    yield from _rooms_of(alias.name, [], package)


def _rooms_of(module: str, names: Iterable[str], package: Path) -> Iterable[str]:
    """Return the rooms that an import names: `from agx import errors` names one as its last part."""
    own, _, rest = module.partition(".")
    if own == package.name:
        yield from [rest.partition(".")[0]] if rest else names


def reachable(imports: Imports, room: str) -> frozenset[str]:
    """Return the rooms that a room imports from, by way of others too."""
    direct = imports.get(room, frozenset())
    return direct.union(*(reachable(imports, other) for other in direct))


def arrows(imports: Imports) -> dict[str, frozenset[str]]:
    """Return the imports that do not follow from others."""
    return {
        room: direct - frozenset().union(*(reachable(imports, other) for other in direct))
        for room, direct in imports.items()
    }


def heights(imports: Imports) -> dict[str, int]:
    """Return how many imports the longest way down from each room has; 0 for one that needs no other."""
    found: dict[str, int] = {}

    def height(room: str) -> int:
        if room not in found:
            found[room] = max((height(other) + 1 for other in imports[room]), default=0)
        return found[room]

    return {room: height(room) for room in imports}


def picture(package: Path = PACKAGE) -> str:
    """Return the diagram in Mermaid, and the table of the rooms from the bottom up."""
    imports = room_imports(package)
    drawn = arrows(imports)
    levels = heights(imports)
    upwards = sorted(imports, key=lambda room: (levels[room], room))
    lines = [f"    {room} --> {' & '.join(sorted(drawn[room]))}" for room in reversed(upwards) if drawn[room]]
    rows = [f"| `{room}` | {sentence(rooms(package)[room])} |" for room in upwards]
    return "\n".join(
        ["```mermaid", "flowchart TD", *lines, "```", "", "| room | what it is |", "| --- | --- |", *rows, ""]
    )


def sentence(file: Path) -> str:
    """Return the first paragraph of a module's docstring in one line."""
    text = ast.get_docstring(ast.parse(file.read_bytes())) or ""
    return " ".join(text.partition("\n\n")[0].split()).replace("|", "\\|")


def with_picture(page: str, drawn: str) -> str:
    """Return the page with the picture between its markers in place of what stands there."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{PAGE.name} lacks the markers of the picture: {BEGIN.strip()} … {END.strip()}")
    return f"{before}{begin}\n{drawn}\n{end}{after}"


def main() -> None:
    """Draw the picture, or with `--check` say whether the one in the page is current."""
    parser = argparse.ArgumentParser(prog="scripts/house", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where it is not current")
    options = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    current = with_picture(page, picture())
    if options.check and page != current:
        sys.exit(f"{PAGE.name} shows an older house: run scripts/house")
    if not options.check:
        PAGE.write_text(current, encoding="utf-8")


if __name__ == "__main__":
    main()
