"""The fingerprint of a measure: a hash of the source text that its numbers come from.

Hashed are the function's module and every module of the same top-level package that it imports, transitively, wherever
the import statement stands. A package's ``__init__`` merely executed on the way to a submodule does not count; when a
name is imported from it, the re-export is followed to the module that defines the name, and the ``__init__`` counts
only when it defines the name itself. Not seen: imports made by name at run time, data files, other packages (their
versions are recorded beside each block).
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["source_fingerprint", "source_modules"]


@functools.cache
def source_fingerprint(function: Callable[..., Any]) -> str:
    """Return the sha256, in hex, of the sources that `function`, a function defined in a module, depends on.

    The text is read once for each function object of a process, when it is first asked for: that is the text which is
    in memory. Line ends are unified, so a store can move between systems. Raises `ValueError` when the module has no
    source file. Source: derived.

    >>> from assay.seeds import generator
    >>> len(source_fingerprint(generator))
    64
    """
    digest = hashlib.sha256()
    for name, path in sorted(source_modules(function.__module__).items()):
        text = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name}:{hashlib.sha256(text).hexdigest()}\n".encode())
    return digest.hexdigest()


def source_modules(module: str) -> dict[str, Path]:
    """Return the source files, by dotted name, of `module` and of what it imports from its own top-level package.

    `module` is a dotted module name that can be imported. Raises `ValueError` when it has no source file. Source:
    derived.

    >>> sorted(source_modules("assay.moments"))
    ['assay.moments']
    >>> sorted(source_modules("assay.experiment"))
    ['assay.experiment', 'assay.moments', 'assay.seeds']
    """
    finder = _Finder(module)
    if finder.path(module) is None:
        raise ValueError(f"function must come from a module with a source file, got module {module}")
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = finder.path(name)
        if path is not None and name not in found:
            found[name] = path
            waiting.extend(finder.imports(name))
    return found


class _Finder:
    """Finds modules of one top-level package on disk, and what they import from it, without executing anything."""

    def __init__(self, module: str) -> None:
        self.top = module.partition(".")[0]
        package = sys.modules.get(self.top) or importlib.import_module(self.top)
        file = getattr(package, "__file__", None)
        self.roots = [Path(root) for root in getattr(package, "__path__", [])]
        self.single = Path(file) if file and not self.roots and file.endswith(".py") else None

    def path(self, name: str) -> Path | None:
        """Source file of module `name`: x.py, or x/__init__.py of a package; None when there is none."""
        if self.single is not None:
            return self.single if name == self.top else None
        for root in self.roots:
            base = root.joinpath(*name.split(".")[1:])
            for candidate in (base / "__init__.py", base.with_name(f"{base.name}.py")):
                if candidate.is_file() and (name != self.top or candidate.name == "__init__.py"):
                    return candidate
        return None

    def imports(self, name: str) -> Iterator[str]:
        """Modules of ours that the source of module `name` takes names from."""
        for target, item in self._statements(name):
            if item is None:
                yield target
            else:
                yield from self._provider(target, item, frozenset())

    def _statements(self, name: str) -> Iterator[tuple[str, str | None]]:
        """(module, imported name or None) of every import of ours in the source of module `name`."""
        path = self.path(name)
        if path is None:
            return
        tree = ast.parse(path.read_bytes(), str(path))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, None) for alias in node.names if self._ours(alias.name))
            elif isinstance(node, ast.ImportFrom):
                target = self._absolute(name, path, node)
                if self._ours(target):
                    yield from ((target, alias.name) for alias in node.names)

    def _provider(self, module: str, item: str, seen: frozenset[str]) -> Iterator[str]:
        """The module that defines `item` of `module`: a submodule, a re-exported name's home, or `module` itself."""
        path = self.path(module)
        if path is None or path.name != "__init__.py" or module in seen:
            yield module
            return
        submodule = f"{module}.{item}"
        is_submodule = self.path(submodule) is not None
        if is_submodule:
            yield submodule
        homes, defined = self._bindings(module, path, item)
        if defined or not (homes or is_submodule):
            yield module
        for home in homes:
            yield from self._provider(home, item, seen | {module})

    def _bindings(self, module: str, path: Path, item: str) -> tuple[list[str], bool]:
        """How a package's ``__init__`` binds `item`: modules of ours it is re-exported from, and whether in any other
        way."""
        homes, defined = [], False
        for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
            if isinstance(node, ast.ImportFrom):
                target = self._absolute(module, path, node)
                names = {alias.name for alias in node.names if (alias.asname or alias.name) == item}
                defined |= bool(names) and not (names == {item} and self._ours(target))
                homes += [target] if names == {item} and self._ours(target) and target != module else []
            elif isinstance(node, ast.Import):
                defined |= any(alias.asname == item for alias in node.names)
            else:
                defined |= item == _defined_name(node)
        return homes, defined

    def _absolute(self, name: str, path: Path, node: ast.ImportFrom) -> str:
        """Absolute name of the module in a from-import that stands in module `name`."""
        if not node.level:
            return node.module or ""
        package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
        base = package[: len(package) - (node.level - 1)]
        return ".".join([*base, *([node.module] if node.module else [])])

    def _ours(self, name: str) -> bool:
        return name == self.top or name.startswith(f"{self.top}.")


def _defined_name(node: ast.AST) -> str | None:
    """The name that a definition or an assignment binds."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return node.name
    return node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else None
