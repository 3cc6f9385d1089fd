"""The house: a complete matrix, arrows one way, names, docstrings, sizes, and a README that tells the truth."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from statistics import median

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from assay import discovery

ROOT = Path(__file__).parents[1]
COLUMNS = ("theory", "simulations", "claims", "figures")
PACKAGES = (*COLUMNS, "assay")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
EVERYTHING = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]
GENERIC = {"self", "cls", "_"}


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def public_names(module) -> list[str]:
    return getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])


def public_functions(package: str):
    """(qualified name, function) of every public function and method, once, where it is defined."""
    for path in SOURCES:
        if path.parts[len(ROOT.parts)] != package or any(
            part.startswith("_") and part != "__init__.py" for part in path.parts
        ):
            continue
        module = importlib.import_module(dotted(path))
        for name in public_names(module):
            thing = inspect.unwrap(getattr(module, name))
            if getattr(thing, "__module__", None) != module.__name__:
                continue
            if inspect.isfunction(thing):
                yield f"{module.__name__}.{name}", thing
            elif inspect.isclass(thing):
                methods = {n: getattr(m, "__func__", m) for n, m in vars(thing).items() if not n.startswith("_")}
                yield from ((f"{module.__name__}.{name}.{n}", m) for n, m in methods.items() if inspect.isfunction(m))


def all_functions(tree: ast.Module):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def code_lines(function: ast.FunctionDef) -> int:
    """Lines of a function without its docstring."""
    body = function.body
    has_docstring = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and len(body) > 1
    prose = (body[0].end_lineno or 0) - body[0].lineno + 1 if has_docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - prose


def isolated(code: str) -> str:
    """What a fresh interpreter prints for `code`."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# --- identities and limits


@pytest.mark.parametrize("column", COLUMNS)
def test_the_matrix_is_complete(column):
    assert discovery.rows(column) == discovery.rows("theory")


@pytest.mark.parametrize("row", discovery.rows("theory"))
def test_every_row_has_a_notebook_and_tests(row):
    assert (ROOT / "notebooks" / f"{row}.ipynb").is_file()
    for column in ("theory", "simulations"):
        tests = [
            *(ROOT / "tests" / column).glob(f"**/test_{row}.py"),
            *(ROOT / "tests" / column / row).glob("test_*.py"),
        ]
        assert tests, f"no tests of {column}.{row}"


def test_the_arrows_point_one_way():
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint_imports], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def imported(path: Path) -> set[str]:
    """Top-level names of everything that a file imports, wherever the statement stands."""
    tree = ast.parse(path.read_text())
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(
    ("column", "allowed"),
    [
        ("theory", {"theory", "numpy", "scipy"}),
        ("simulations", {"simulations", "numpy", "scipy", "numba", "jax", "optax", "sklearn", "mpmath"}),
    ],
)
def test_what_a_column_may_import(column, allowed):
    for path in (ROOT / column).rglob("*.py"):
        assert imported(path) - set(sys.stdlib_module_names) <= allowed, named(path)


@pytest.mark.parametrize("module", ["theory", *(f"theory.{row}" for row in discovery.rows("theory"))])
def test_theory_costs_numpy_and_scipy_only(module):
    loaded = set(ast.literal_eval(isolated(f"import sys, {module}; print({{m.split('.')[0] for m in sys.modules}})")))
    ours = {"theory"} if module == "theory" else {"theory", "numpy", "scipy"}
    assert ours <= loaded
    assert not loaded & {*PACKAGES[1:], "numba", "jax", "sympy", "matplotlib", "sklearn", "joblib", "rich", "typer"}


def test_jax_counts_in_double_precision_wherever_it_is_used():
    """The switch is thrown in one module of simulations; whatever imports jax must have imported it."""
    users = [path for path in SOURCES if re.search(r"^\s*(import|from) jax\b", path.read_text(), re.M)]
    assert all(named(path).startswith("simulations") for path in users)
    for path in users:
        code = f"import {dotted(path)}, jax.numpy as jnp; print(jnp.ones(1).dtype)"
        assert isolated(code) == "float64", named(path)


# --- oracle: what the code says of itself


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_name_every_argument(package):
    missing = {}
    for name, function in public_functions(package):
        words = function.__doc__ or ""
        arguments = [a for a in inspect.signature(function).parameters if a not in GENERIC]
        absent = [a for a in arguments if not re.search(rf"\b{re.escape(a)}\b", words)]
        if not words or absent:
            missing[name] = absent or "no docstring"
    assert missing == {}


def test_theory_shows_an_example_of_every_function():
    assert [name for name, function in public_functions("theory") if ">>>" not in (function.__doc__ or "")] == []


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_every_module_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_no_module_takes_a_name_of_the_standard_library():
    taken = [named(path) for path in SOURCES if path.stem != "__init__" and path.stem in sys.stdlib_module_names]
    assert taken == []


def test_no_public_function_looks_like_a_test():
    names = [name for package in PACKAGES for name, _ in public_functions(package)]
    assert len(names) > 100  # the walk above finds them
    assert [name for name in names if name.rpartition(".")[2].startswith("test_")] == []


# --- properties: sizes and cleanliness


def test_files_are_small():
    lengths = {named(path): len(path.read_text().splitlines()) for path in EVERYTHING}
    assert {name: n for name, n in lengths.items() if n > 400} == {}
    sources = sorted(lengths[named(path)] for path in SOURCES)
    assert median(sources) < 200


def test_functions_are_short():
    functions = [(path, f) for path in SOURCES for f in all_functions(ast.parse(path.read_text()))]
    lengths = {f"{named(path)}:{f.name}": code_lines(f) for path, f in functions}
    assert median(lengths.values()) < 12
    assert {name: n for name, n in lengths.items() if n > 60} == {}


def test_constraints_pin_versions_without_addresses():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.+]*( *;.*)?", line)] == []


def test_every_dependency_and_every_extra_is_pinned():
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines())
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(name for extra in project["optional-dependencies"].values() for name in extra)]
    for requirement in map(Requirement, asked):
        version = pins.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in constraints.txt"
        assert version in requirement.specifier, f"{requirement} is not met by {version}"


def test_no_path_of_a_machine_stands_in_any_file():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    texts = [ROOT / name for name in listed if not name.endswith((".png", ".npz")) and (ROOT / name).is_file()]
    machine = re.compile(r"(?<![\w.])/(home|root|Users|work|tmp|mnt)/[\w.]")
    assert {named(path) for path in texts if machine.search(path.read_text(errors="replace"))} <= {
        "tests/test_house.py"
    }


# --- the README


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf8")


def code_block() -> str:
    (block,) = re.findall(r"```python\n(.*?)```", readme(), re.S)
    return block


def test_the_readme_fits_one_screen_before_the_gallery():
    head = readme().partition("## Gallery")[0].splitlines()
    assert len(head) <= 80
    assert [line for line in head if len(line) > 120 and not line.startswith("|")] == []
    assert len(code_block().splitlines()) <= 12 + 2  # twelve lines of code, and what sets them apart


def test_the_readmes_code_prints_what_its_comments_say(capsys):
    exec(compile(code_block(), "README.md", "exec"), {})
    printed = [line.strip("[]").split() for line in capsys.readouterr().out.splitlines()]
    promised = re.findall(r"^print\(.*?\)  # ([0-9. ]+):", code_block(), re.M)
    assert [[float(word) for word in line] for line in printed] == [
        [float(word) for word in words.split()] for words in promised
    ]


def test_the_readmes_pictures_exist():
    for target in re.findall(r"(?:\]\(|src=\")([^)\"]+\.(?:png|svg))", readme()):
        assert (ROOT / target).is_file(), target
