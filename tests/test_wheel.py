"""The wheel, built and installed elsewhere, holds all five packages and the report's template."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("theory", "simulations", "claims", "figures", "assay")

pytestmark = pytest.mark.slow


def run(*command, cwd, **environment):
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env={**clean, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy without the files that git ignores, by the build back end that is installed: no network."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "copy"
    copy.mkdir()
    for name in (*PACKAGES, "pyproject.toml", "README.md", "LICENSE"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "dist", cwd=copy)
    (built,) = (folder / "dist").glob("*.whl")
    return built


# --- identities and limits


def test_the_wheel_holds_every_source_and_nothing_else(wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {str(p.relative_to(ROOT)) for package in PACKAGES for p in (ROOT / package).rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == expected
    assert "assay/templates/report.html.j2" in names
    assert {name.partition("/")[0] for name in names} == set(PACKAGES)


def test_it_works_where_it_is_installed(wheel, tmp_path):
    target, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        target,
        wheel,
        cwd=elsewhere,
    )
    code = (
        f"import {', '.join(PACKAGES)}; from assay import discovery; from assay.report import write_report;"
        f"print({' '.join(f'{package}.__file__,' for package in PACKAGES)} sep='\\n');"
        "print(len(discovery.claims()), len(discovery.figures()));"
        "from pathlib import Path; from assay.ledger import Ledger;"
        "print(write_report(Ledger(Path('none')), Path('none'), Path('report.html')))"
    )
    printed = run(sys.executable, "-c", code, cwd=elsewhere, PYTHONPATH=str(target)).splitlines()
    assert all(Path(path).is_relative_to(target) for path in printed[:5])
    claims, figures = printed[5].split()
    assert int(claims) > 0
    assert int(figures) > 0
    assert (elsewhere / "report.html").is_file()
    assert "check" in run(target / "bin" / "assay", "--help", cwd=elsewhere, PYTHONPATH=str(target))
