"""Published files: found, downloaded, checked and read; or refused with a remedy."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import pickle
import sys
import threading
import types
from pathlib import Path

import numpy as np
import pytest

from assay.published import PublishedDataError, PublishedFile, Registry, available, fetch, load

REPOSITORY, COMMIT = "someone/paper", "12ab" * 10
RIDGES = np.geomspace(1e-3, 1e2, 7)
RISKS = np.random.default_rng(4).gamma(2.5, 0.3, (3, 7, 2))


def experiment(**changes) -> bytes:
    """A pickle of the class that the published experiments are instances of."""

    class ExperimentResults:
        pass

    ExperimentResults.__module__ = ExperimentResults.__qualname__ = "ExperimentResults"
    foreign = types.ModuleType("ExperimentResults")
    foreign.ExperimentResults = ExperimentResults  # pyright: ignore[reportAttributeAccessIssue]
    value = ExperimentResults()
    axes = [("trial", np.arange(3)), ("ridge", RIDGES), ("result", ["train_mse", "test_mse"])]
    attributes = {"filename": "/somewhere/risk.expt", "metadata": {"noise": np.float32(0.5)}, "axes": axes}
    attributes |= {"results": RISKS, "written": np.ones_like(RISKS), "idx_converter": {np.int64(3): {"a": 0}}}
    value.__dict__.update({**attributes, **changes})
    sys.modules["ExperimentResults"] = foreign
    try:
        return pickle.dumps(value, 5)
    finally:
        del sys.modules["ExperimentResults"]


CONTENTS = {
    "results/risk.expt": experiment(),
    "results/deep/er/stats.file": pickle.dumps({"kappa": RIDGES, "base": np.float64(0.25), "note": "text"}, 5),
}


def registry(**contents: bytes) -> Registry:
    """The registry of `CONTENTS`, or of the files given by name."""
    pairs = {f"results/{name}": content for name, content in contents.items()} or CONTENTS
    files = (
        PublishedFile(path.removeprefix("results/"), path, hashlib.sha256(content).hexdigest(), len(content))
        for path, content in pairs.items()
    )
    return Registry(REPOSITORY, COMMIT, tuple(files))


def write(folder: Path, path: str, content: bytes) -> Path:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    """An empty cache, and no address outside this machine."""
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ASSAY_DATA_URL", "http://127.0.0.1:9")  # the discard port: nobody answers
    monkeypatch.delenv("ASSAY_DATA", raising=False)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The user's folder of files, empty."""
    path = tmp_path / "data"
    path.mkdir()
    monkeypatch.setenv("ASSAY_DATA", str(path))
    return path


@pytest.fixture
def server(tmp_path):
    """A mirror on loopback: (address, folder that it serves, paths that were asked for)."""
    root, asked = tmp_path / "mirror", []
    root.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.path.endswith("cut.file"):
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"only this")
                return
            super().do_GET()

        def log_message(self, format, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(root))) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", root, asked
        running.shutdown()
        thread.join()


# --- identities and limits


@pytest.mark.parametrize("flat", [False, True])
def test_a_folder_of_the_user(folder, flat):
    for path, content in CONTENTS.items():
        write(folder, path.replace("/", "_") if flat else path, content)
    files = registry()
    assert [available(files, name) for name in files.names] == [True, True]
    result = load(files, "risk.expt")
    assert list(result.axes) == ["trial", "ridge", "result"]
    assert result.axes["result"] == ("train_mse", "test_mse")
    np.testing.assert_array_equal(result.axes["ridge"], RIDGES)
    np.testing.assert_array_equal(result.arrays["results"], RISKS)
    assert set(result.arrays) == {"results", "written"}
    assert result.metadata == {"noise": 0.5}
    stats = load(files, "deep/er/stats.file")
    assert set(stats.arrays) == {"kappa", "base"}
    assert float(stats.arrays["base"]) == 0.25
    assert (stats.axes, stats.metadata) == ({}, {})


def test_a_sound_copy_is_preferred_to_a_damaged_one(folder):
    write(folder, "results/risk.expt", b"damaged")
    sound = write(folder, "results_risk.expt", CONTENTS["results/risk.expt"])
    assert available(registry(), "risk.expt")
    assert fetch(registry(), "risk.expt") == sound


@pytest.mark.parametrize("how", ["argument", "variable"])
def test_a_download_happens_once(server, monkeypatch, how):
    address, root, asked = server
    files, path = registry(), "results/deep/er/stats.file"
    write(root, f"{REPOSITORY}/{COMMIT}/{path}", CONTENTS[path])
    if how == "variable":
        monkeypatch.setenv("ASSAY_DATA_URL", address + "/")
    base_url = address if how == "argument" else None
    assert not available(files, "deep/er/stats.file")
    assert asked == []  # availability never asks the network
    stats = load(files, "deep/er/stats.file", base_url)
    np.testing.assert_array_equal(stats.arrays["kappa"], RIDGES)
    assert available(files, "deep/er/stats.file")
    load(files, "deep/er/stats.file", "http://127.0.0.1:9")
    assert asked == [f"/{REPOSITORY}/{COMMIT}/{path}"]


def test_a_damaged_copy_in_the_cache_is_downloaded_again(server):
    address, root, asked = server
    write(root, f"{REPOSITORY}/{COMMIT}/results/risk.expt", CONTENTS["results/risk.expt"])
    path = fetch(registry(), "risk.expt", address)
    path.write_bytes(path.read_bytes()[:-5])
    assert not available(registry(), "risk.expt")
    assert load(registry(), "risk.expt", address).arrays["results"].shape == (3, 7, 2)
    assert len(asked) == 2


def test_commits_do_not_share_a_cache(server):
    address, root, _ = server
    write(root, f"{REPOSITORY}/{COMMIT}/results/risk.expt", CONTENTS["results/risk.expt"])
    fetch(registry(), "risk.expt", address)
    other = Registry(REPOSITORY, "34cd" * 10, registry().files)
    assert not available(other, "risk.expt")


def test_the_default_source_and_cache(monkeypatch):
    import pooch

    seen = {}

    def retrieve(url, **options):
        seen.update(url=url, **options)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    monkeypatch.delenv("ASSAY_DATA_URL")
    monkeypatch.delenv("ASSAY_CACHE")
    file = registry().file("risk.expt")
    path = fetch(registry(), "risk.expt")
    assert seen["url"] == f"https://raw.githubusercontent.com/someone/paper/{COMMIT}/results/risk.expt"
    assert seen["known_hash"] == f"sha256:{file.sha256}"
    assert path.is_relative_to(pooch.os_cache("assay"))
    assert seen["path"] / seen["fname"] == path


# --- bad input


def test_unknown_names(folder):
    for function in (available, fetch, load):
        with pytest.raises(
            KeyError, match=r"no published file 'risk' in someone/paper; there are risk.expt, deep/er/stats"
        ):
            function(registry(), "risk")


def test_names_are_distinct():
    with pytest.raises(ValueError, match=r"files must have distinct names, got \('a', 'a'\)"):
        Registry(REPOSITORY, COMMIT, (PublishedFile("a", "x", "0" * 64, 1), PublishedFile("a", "y", "1" * 64, 2)))


def test_an_absent_file_in_the_users_folder(folder, server):
    _, _, asked = server
    assert not available(registry(), "risk.expt")
    message = r"results/risk.expt is not in ASSAY_DATA=.*: put it there \(.*\), or unset ASSAY_DATA to download it"
    with pytest.raises(PublishedDataError, match=message):
        load(registry(), "risk.expt", server[0])
    assert asked == []


@pytest.mark.parametrize(
    "content", [b"", CONTENTS["results/risk.expt"][:-1], CONTENTS["results/risk.expt"][:-1] + b"!"]
)
def test_a_file_that_is_not_the_published_one(folder, content):
    write(folder, "results/risk.expt", content)
    assert not available(registry(), "risk.expt")
    size = "" if content.endswith(b"!") else " instead of"
    with pytest.raises(
        PublishedDataError, match=rf"is not the published file: sha256 .*, {len(content)} bytes{size}.* get it"
    ):
        load(registry(), "risk.expt")


def test_a_mirror_with_another_file(server):
    address, root, _ = server
    write(root, f"{REPOSITORY}/{COMMIT}/results/risk.expt", b"another file")
    with pytest.raises(
        PublishedDataError, match=r"could not get risk.expt from http.*hash.*set ASSAY_DATA .* have sha256"
    ):
        load(registry(), "risk.expt", address)
    assert not available(registry(), "risk.expt")
    assert not list(Path(os.environ["ASSAY_CACHE"]).rglob("risk*"))


@pytest.mark.parametrize("case", ["nobody answers", "not there", "cut short"])
def test_a_download_that_fails(server, case):
    address, _, _ = server
    files = registry(**{"cut.file": b"x" * 1000}) if case == "cut short" else registry()
    base_url = "http://127.0.0.1:9" if case == "nobody answers" else address
    with pytest.raises(
        PublishedDataError, match=r"could not get .* from http://127.*\. Check the network, or download"
    ):
        load(files, files.names[0], base_url)
    assert not available(files, files.names[0])


class _Attack:
    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_a_malicious_file_is_refused_even_if_it_is_the_listed_one(folder, tmp_path):
    attacks = {
        "touch": pickle.dumps(_Attack(tmp_path / "mark")),
        "inside": pickle.dumps({"kappa": _Attack(tmp_path / "mark")}),
        "objects": pickle.dumps({"kappa": np.array([_Attack(tmp_path / "mark")], dtype=object)}),
        "system": b"cos\nsystem\n(Vtouch mark\ntR.",
    }
    files = registry(**attacks)
    for name, content in attacks.items():
        write(folder, f"results/{name}", content)
        with pytest.raises(PublishedDataError, match="refused: "):
            load(files, name)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pickle.dumps([1, 2]), "the pickle holds a list instead of arrays or results with axes"),
        (experiment(axes=None), "holds a Stub instead of"),
        (experiment(axes=[("trial", 3)]), r"axes are not \(name, values\) pairs"),
        (experiment(axes=[("a", [1], "b")]), r"axes are not \(name, values\) pairs"),
        (experiment(results=None), r"results must have the axes' shape \(3, 7, 2\), got none"),
        (experiment(results=RISKS[:2]), r"results must have the axes' shape \(3, 7, 2\), got shape \(2, 7, 2\)"),
        (CONTENTS["results/risk.expt"][:400], "is damaged or not plain data"),
    ],
)
def test_files_of_an_unknown_form(folder, content, reason):
    write(folder, "results/odd", content)
    with pytest.raises(PublishedDataError, match=rf"results/odd: .*{reason}"):
        load(registry(odd=content), "odd")
