"""What an edit does to a fingerprint: the sources a measure depends on change it, others do not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from assay import fingerprint
from assay.fingerprint import source_fingerprint, source_modules

FILES = {
    "__init__.py": "from .unrelated import nothing\n",
    "measures.py": (
        "import math\n"
        "from tree import kernels\n"
        "from .direct import scale\n"
        "from .shapes import area, VERSION\n"
        "import tree.deep.leaf as leaf\n"
        "def measure(rng, replicates):\n"
        "    from .lazy import late\n"
        "    return rng.random(replicates)\n"
    ),
    "kernels.py": "from .second import deeper\n",
    "second.py": "from .kernels import deeper as again\ndeeper = 1\n",  # a cycle
    "direct.py": "from .star import *\nscale = 2.0\n",
    "star.py": "width = 3.0\n",
    "lazy.py": "late = 4\n",
    "unrelated.py": "nothing = 0\n",
    "shapes/__init__.py": "from .area import area\nfrom .volume import volume\nfrom ._meta import VERSION\n",
    "shapes/area.py": "def area(): pass\n",
    "shapes/volume.py": "from ..unrelated import nothing\ndef volume(): pass\n",
    "shapes/_meta.py": "VERSION = '1'\n",
    "deep/__init__.py": "from . import other\n",
    "deep/leaf.py": "from ..up import one\nfrom . import twig\n",
    "deep/twig.py": "",
    "deep/other.py": "",
    "up.py": "one = 1\n",
}
USED = {
    "measures",
    "kernels",
    "second",
    "direct",
    "star",
    "lazy",
    "shapes.area",
    "shapes._meta",
    "deep.leaf",
    "deep.twig",
    "up",
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The package `tree` on disk; nothing but its top level is ever imported."""
    folder = tmp_path / "tree"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for module in [module for module in sys.modules if module.partition(".")[0] == "tree"]:
        del sys.modules[module]


class _Measure:
    """Has the one attribute of a function that a fingerprint looks at."""

    __module__ = "tree.measures"


def digest() -> str:
    return source_fingerprint.__wrapped__(_Measure)


# --- identities and limits


def test_the_modules_that_count(tree):
    assert set(source_modules("tree.measures")) == {f"tree.{name}" for name in USED}


@pytest.mark.parametrize("file", FILES)
def test_an_edit_counts_exactly_where_it_should(tree, file):
    before = digest()
    (tree / file).write_text(FILES[file] + "# edited\n")
    name = file.removesuffix(".py").replace("/", ".")
    assert (digest() != before) == (name in USED)


def test_a_new_import_and_a_moved_name_count(tree):
    before = digest()
    (tree / "star.py").write_text("from tree.unrelated import nothing\nwidth = 3.0\n")
    with_import = digest()
    (tree / "star.py").write_text(FILES["star.py"])
    (tree / "shapes" / "__init__.py").write_text("from .volume import area\n" + FILES["shapes/__init__.py"])
    assert len({before, with_import, digest()}) == 3


def test_names_that_a_package_defines_itself_bring_the_package(tree):
    (tree / "shapes" / "__init__.py").write_text("from .volume import volume\ndef area(): pass\nVERSION = '2'\n")
    names = set(source_modules("tree.measures"))
    assert {"tree.shapes", "tree.shapes.volume", "tree.unrelated", "tree.shapes.area"} < names


@pytest.mark.parametrize(
    "line", ["area = twice(area)", "import numpy as area", "from .volume import volume as area", "class area: pass"]
)
def test_names_that_a_package_changes_bring_the_package(tree, line):
    (tree / "shapes" / "__init__.py").write_text(f"{FILES['shapes/__init__.py']}\nif True:\n    {line}\n")
    assert "tree.shapes" in source_modules("tree.measures")


def test_a_whole_package_imported_brings_its_init(tree):
    (tree / "star.py").write_text("import tree.deep\n")
    assert {"tree.deep", "tree.deep.other"} < set(source_modules("tree.measures"))


def test_names_re_exported_in_a_circle_end(tree):
    (tree / "shapes" / "__init__.py").write_text("from tree.deep import area, VERSION\n")
    (tree / "deep" / "__init__.py").write_text("from tree.shapes import area, VERSION\n")
    (tree / "shapes" / "area.py").unlink()
    assert {"tree.shapes"} < set(source_modules("tree.measures"))


def test_line_ends_do_not_matter(tree):
    before = digest()
    for name, text in FILES.items():
        (tree / name).write_bytes(text.replace("\n", "\r\n").encode())
    assert digest() == before


def test_a_fingerprint_is_read_once_for_each_function(probe):
    before = source_fingerprint(probe.measures.normal)
    (probe.folder / "kernels.py").write_text("def widen(draws, width):\n    return draws\n")
    assert source_fingerprint(probe.measures.normal) == before
    assert source_fingerprint.__wrapped__(probe.measures.normal) != before


def test_a_module_outside_packages_stands_alone(tmp_path, monkeypatch):
    (tmp_path / "lonely_measure.py").write_text("import json\nfrom os import path\ndef measure(): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert source_modules("lonely_measure") == {"lonely_measure": tmp_path / "lonely_measure.py"}
    del sys.modules["lonely_measure"]


def test_the_engine_itself():
    path = Path(fingerprint.__file__)
    assert source_modules("assay.fingerprint") == {"assay.fingerprint": path}
    assert set(source_modules("assay.store")) >= {"assay.store", "assay.experiment", "assay.seeds", "assay.moments"}
    assert "assay.sweep" not in source_modules("assay.store")


# --- bad input


@pytest.mark.parametrize("module", ["math", "assay.no_such_module"])
def test_a_function_needs_a_source_file(module):
    with pytest.raises(ValueError, match=f"function must come from a module with a source file, got module {module}"):
        source_modules(module)
