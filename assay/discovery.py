"""Find the rows of the matrix by name: claims and figures, without the engine knowing any paper.

Every module or package in `claims` offers `CLAIMS` (tuple of `Claim`) and, in `figures`, `FIGURES` (tuple of
`FigureSpec`); their ids must be unique over the suite. A row that compares with its authors' result files is a package
with a module `published` that offers their `REGISTRY`.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["UnknownId", "claims", "figures", "registries", "rows", "select"]


class UnknownId(KeyError):
    """An id that names no row, claim or figure; the message offers the nearest names, `name` is what was asked for."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name

    def __str__(self) -> str:
        return str(self.args[0])


def rows(column: str = "claims") -> tuple[str, ...]:
    """Names of the rows present in `column` ("theory", "simulations", "claims" or "figures"), sorted.

    >>> "random_features" in rows("claims")
    True
    """
    package = importlib.import_module(column)
    return tuple(sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")))


def claims() -> dict[str, tuple[str, Any]]:
    """Every claim of the suite: id -> (row, Claim), in the order of the rows' ledgers."""
    return _collect("claims", "CLAIMS")


def figures() -> dict[str, tuple[str, Any]]:
    """Every figure of the suite: id -> (row, FigureSpec)."""
    return _collect("figures", "FIGURES")


def registries() -> dict[str, Any]:
    """The published result files of the suite: row -> Registry, for the rows that have any."""
    modules = {row: f"claims.{row}.published" for row in rows("claims")}
    packages = {row: importlib.import_module(f"claims.{row}") for row in modules}
    present = [row for row in modules if hasattr(packages[row], "__path__") and importlib.util.find_spec(modules[row])]
    return {row: importlib.import_module(modules[row]).REGISTRY for row in present}


def select(known: Mapping[str, tuple[str, Any]], wanted: Iterable[str]) -> list[tuple[str, Any]]:
    """The (row, record) pairs that `wanted` names, all of `known` if it is empty.

    An id selects itself alone, a row's name the whole row, and anything else all ids that begin with it.
    Raises `UnknownId` with the nearest names.

    >>> known = {"rf.T1": ("random_features", "a claim"), "rf.T1m": ("random_features", "another")}
    >>> select(known, ["rf.T1"])
    [('random_features', 'a claim')]
    >>> len(select(known, ["rf.T"])), len(select(known, ["random_features"]))
    (2, 2)
    """
    wanted = list(wanted)
    chosen: dict[str, tuple[str, Any]] = {} if wanted else dict(known)
    for name in wanted:
        hits = _hits(known, name)
        if not hits:
            names = sorted({*known, *(row for row, _ in known.values())})
            lowered = {candidate.lower(): candidate for candidate in names}
            near = [lowered[m] for m in difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.5)]
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise UnknownId(f"no row, claim or figure is called {name!r}{hint} (`assay list` shows all)", name)
        chosen.update(hits)
    return list(chosen.values())


def _hits(known: Mapping[str, tuple[str, Any]], name: str) -> dict[str, tuple[str, Any]]:
    """What `name` stands for: an id, else a row, else the beginning of ids."""
    if name in known:
        return {name: known[name]}
    row = {i: v for i, v in known.items() if v[0] == name}
    return row or {i: v for i, v in known.items() if name and i.startswith(name)}


def _collect(column: str, attribute: str) -> dict[str, tuple[str, Any]]:
    """Union of one attribute over a column's modules; a missing attribute or a repeated id is an error."""
    found: dict[str, tuple[str, Any]] = {}
    for row in rows(column):
        module = importlib.import_module(f"{column}.{row}")
        for record in getattr(module, attribute):
            if record.id in found:
                raise ValueError(f"id {record.id!r} is declared twice: in {found[record.id][0]} and in {row}")
            found[record.id] = (row, record)
    return found
