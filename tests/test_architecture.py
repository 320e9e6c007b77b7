"""The rooms hold: a file imports only from rooms above its own, or from its own.

The imports are read from the source with `ast`, those inside functions and for types included.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "agx"

# From the top down. Every folder (or file) of the package is one room.
ROOMS = (
    "errors util requests settings plan unix shell risk rules gguf tools toolcalls prompts grammar engine "
    "models worker backends planning store run evaluate session app batch server cli"
).split()
# Those that face people stand side by side: neither knows the other.
FACES = frozenset({"server", "cli"})
# What a room may use of ours, where that is less than all above it.
ONLY = {"engine": frozenset({"errors", "requests", "util", "gguf", "grammar"})}
# The only modules (or packages) that import a foreign library.
IMPORTERS = {
    "llama_cpp": {"agx.engine.native"},
    "llguidance": {"agx.grammar"},
    "click": {"agx.cli"},
    "rich": {"agx.cli"},
    "jinja2": {"agx.engine.chat"},
    "pydantic": {"agx.plan", "agx.tools"},
    "jsonschema": {"agx.rules", "agx.tools"},
    "regex": {"agx.util.patterns"},
    "httpx": {"agx.models", "agx.backends.ollama.client"},
    "ollama": {"agx.backends.ollama"},
    "openai": {"agx.backends.openai.client"},
    "transformers": {"agx.backends.transformers.libraries"},
    "huggingface_hub": {"agx.backends.transformers.hub"},
    "sqlalchemy": {"agx.store"},
    "ray": {"agx.batch.ray", "agx.server.ray"},
    "fastapi": {"agx.server"},
    "numpy": set[str](),
    "torch": {"agx.backends.transformers.libraries"},
}
MAY_PRINT = frozenset({"cli", "server"})


def name_of(path: Path) -> str:
    """Return a file's module name; a package's `__init__` has the package's."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
# The package itself holds the public names and nothing else; it is imported by nobody here.
INSIDE = [module for module in FILES if module not in ("agx", "agx.__main__")]


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def room_of(module: str) -> str:
    return module.split(".")[1]


def imports(module: str, tree: ast.AST) -> Iterator[str]:
    """Yield what a module imports; `from agx.plan import tools` is an import of `agx.plan.tools`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively in line {node.lineno}"
            base = str(node.module)
            for alias in node.names:
                deeper = f"{base}.{alias.name}"
                yield deeper if deeper in FILES else base


TREES = {module: ast.parse(path.read_bytes()) for module, path in FILES.items()}
IMPORTS = {module: sorted(set(imports(module, tree))) for module, tree in TREES.items()}


def may_import(module: str, wanted: str) -> bool:
    """Return whether the rooms let one module of ours import another."""
    if wanted == "agx":
        return False
    own, other = room_of(module), room_of(wanted)
    if own == other:
        return True
    is_above = ROOMS.index(other) < ROOMS.index(own) and not {own, other} <= FACES
    return is_above and other in ONLY.get(own, ROOMS)


def test_every_file_stands_in_a_room_of_the_house() -> None:
    assert [module for module in INSIDE if room_of(module) not in ROOMS] == []


@pytest.mark.parametrize("module", INSIDE)
def test_a_module_imports_only_from_rooms_above_its_own(module: str) -> None:
    ours = [wanted for wanted in IMPORTS[module] if is_within(wanted, "agx")]
    assert [wanted for wanted in ours if not may_import(module, wanted)] == []


def test_every_import_of_ours_exists() -> None:
    missing = [(module, one) for module, all_ in IMPORTS.items() for one in all_ if is_within(one, "agx")]
    assert [pair for pair in missing if pair[1] not in FILES] == []


def test_there_are_no_import_cycles() -> None:
    """Cycles would make the order of imports matter, and a change of either file one of both."""
    finished: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " → ".join((*path[path.index(module) :], module))
        if module not in finished:
            for wanted in IMPORTS[module]:
                if wanted in FILES and wanted != "agx":
                    visit(wanted, (*path, module))
            finished.add(module)

    for module in FILES:
        visit(module, ())


@pytest.mark.parametrize("library", IMPORTERS)
def test_a_foreign_library_has_its_one_importer(library: str) -> None:
    importers = [module for module, all_ in IMPORTS.items() if any(is_within(one, library) for one in all_)]
    allowed = IMPORTERS[library]
    assert [module for module in importers if not any(is_within(module, one) for one in allowed)] == []


def test_only_what_faces_people_prints() -> None:
    printing = [
        module
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert [module for module in printing if room_of(module) not in MAY_PRINT] == []


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in FILES.values()}), ids=lambda path: path.name
)
def test_every_package_says_in_a_sentence_what_it_is(folder: Path) -> None:
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)


def test_no_package_but_the_first_imports_anything_when_it_is_imported() -> None:
    heavy = [module for module, path in FILES.items() if path.name == "__init__.py" and IMPORTS[module]]
    assert heavy == ["agx"]
