"""The layers hold: a file imports only from layers above its own, or from its own package.

The imports are read from the source with `ast`, those inside functions and for types included.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "agx"

# The longest prefix that matches a module says its layer. A package has one layer, unless a module
# of it that others need earlier is named on its own.
LAYERS = {
    "agx.errors": 0,
    "agx.settings": 0,
    "agx.plan": 1,
    "agx.gguf": 1,
    "agx.machine": 1,
    "agx.worker.protocol": 1,
    "agx.prompts": 2,
    "agx.grammar": 2,
    "agx.engine": 3,
    "agx.backends.base": 3,
    "agx.backends.planning": 3,
    "agx.registry": 3,
    "agx.toolcalls": 3,
    "agx.worker": 4,
    "agx.store": 4,
    "agx.models": 4,
    "agx.backends": 5,
    "agx.roles": 6,
    "agx.planner": 6,
    "agx.evaluate": 7,
    "agx.run": 7,
    "agx.batch": 7,
    "agx.server": 8,
    "agx.cli": 8,
    "agx.__main__": 9,
    "agx": 9,  # the public names, which are imported when they are asked for
}
# Neighbours in one layer of which the first needs the second.
NEIGHBOURS = frozenset(
    {("agx.settings", "agx.errors"), ("agx.planner", "agx.roles"), ("agx.models", "agx.store")}
)
# The package itself holds the version, and what is public: these may ask it for the version.
MAY_ASK_FOR_THE_VERSION = frozenset({"agx.cli", "agx.server", "agx.worker.greeting"})
# What a layer may use of ours, where that is less than all above it.
ONLY = {"agx.engine": frozenset({"agx.engine", "agx.grammar", "agx.gguf", "agx.machine", "agx.errors"})}
# The only modules (or packages) that import a foreign library.
IMPORTERS = {
    "llama_cpp": {"agx.engine.native"},
    "llguidance": {"agx.grammar"},
    "click": {"agx.cli"},
    "rich": {"agx.cli"},
    "jinja2": {"agx.engine"},
    "pydantic": {"agx.plan", "agx.registry"},
    "jsonschema": {"agx.plan", "agx.registry"},
    "httpx": {"agx.models"},
    "ollama": {"agx.backends.ollama"},
    "ray": {"agx.batch.ray", "agx.server.ray"},
    "fastapi": {"agx.server"},
    "openai": set[str](),
    "numpy": set[str](),
    "torch": set[str](),
}
MAY_PRINT = frozenset({"agx.cli", "agx.server"})


def name_of(path: Path) -> str:
    """Return a file's module name; a package's `__init__` has the package's."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def layer(module: str) -> int:
    """Return the layer of the longest prefix in the table."""
    return LAYERS[max((prefix for prefix in LAYERS if is_within(module, prefix)), key=len)]


def imports(module: str, tree: ast.AST) -> Iterator[str]:
    """Yield what a module imports; `from agx.plan import rules` is an import of `agx.plan.rules`."""
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


def without_types(tree: ast.Module) -> ast.Module:
    """Return the module without what stands under `if TYPE_CHECKING:`, which never runs."""
    kept = [
        node
        for node in tree.body
        if not (
            isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        )
    ]
    return ast.Module(body=kept, type_ignores=[])


def package_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def may_import(module: str, wanted: str) -> bool:
    """Return whether the layers let one module of ours import another."""
    if wanted == "agx":
        return any(is_within(module, one) for one in MAY_ASK_FOR_THE_VERSION)
    allowed = ONLY.get(package_of(module))
    if allowed is not None and package_of(wanted) not in allowed:
        return False
    pair = package_of(module), package_of(wanted)
    return pair[0] == pair[1] or pair in NEIGHBOURS or layer(wanted) < layer(module)


def test_every_module_has_a_layer_of_its_own() -> None:
    strays = [module for module in FILES if layer(module) == LAYERS["agx"] and "." in module]
    assert strays == ["agx.__main__"], "add new packages to the table"


@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_only_from_layers_above_its_own(module: str) -> None:
    ours = [wanted for wanted in IMPORTS[module] if is_within(wanted, "agx")]
    assert [wanted for wanted in ours if not may_import(module, wanted)] == []


def test_modules_of_one_package_keep_their_layers() -> None:
    """Within `backends` and `worker`, what stands in an earlier layer imports nothing of a later one."""
    wrong = [
        (module, wanted)
        for module, all_wanted in IMPORTS.items()
        for wanted in all_wanted
        if is_within(wanted, "agx") and wanted != "agx" and layer(wanted) > layer(module)
    ]
    assert wrong == []


def test_every_import_of_ours_exists() -> None:
    missing = [(module, one) for module, all_ in IMPORTS.items() for one in all_ if is_within(one, "agx")]
    assert [pair for pair in missing if pair[1] not in FILES] == []


def test_there_are_no_import_cycles() -> None:
    """Cycles would make the order of imports matter; `agx` itself imports its names when asked."""
    running = {module: set(imports(module, without_types(tree))) for module, tree in TREES.items()}
    finished: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " → ".join((*path[path.index(module) :], module))
        if module not in finished:
            for wanted in running[module]:
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
    assert [module for module in printing if package_of(module) not in MAY_PRINT] == []


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in FILES.values()}), ids=lambda path: path.name
)
def test_every_package_says_in_a_sentence_what_it_is(folder: Path) -> None:
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)


def test_no_package_but_the_first_imports_anything_when_it_is_imported() -> None:
    heavy = [module for module, path in FILES.items() if path.name == "__init__.py" and IMPORTS[module]]
    assert heavy == ["agx", "agx.gguf"]  # the second gives `read_card`, which is all it does
