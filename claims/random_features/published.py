"""The authors' result files of "More is Better", as a registry of the repository that they published.

The suite does not redistribute them: `load` downloads a file once, from the pinned commit, and checks its sha256. A
name is the path in the repository without its leading ``results/``. Two kinds of file:

* ``*.expt``: one array over named axes, such as (trial, size, ridge, result), with the authors' metadata;
* ``*.file``: arrays by name, such as the kernel eigenvalues of ``eigstats.file``.
"""

from __future__ import annotations

from collections.abc import Iterator

from assay import published
from assay.published import PublishedFile, PublishedResult, Registry

__all__ = ["REGISTRY", "available", "load"]

TABLE = {
    "results/cifar10/fc1-nngpk": (
        "0c01030095a22b060d53b9bf4cfc13d70678581e3a5fab41ed250b4ecef82217  255209 eigstats.file",
        "519cca6e06d1bb07447ec677fc4ba7da03fad6dcb03085492e229bba6f827700 1387589 expt-gaussian-imitation-k256.expt",
        "941fd039cce1d495ff71209dfc1a4c42956f56a03147e675254bda0673998ee9 1387589 expt-gaussian-imitation-n256.expt",
        "4a3deafb76515d7b7eb0a9e593c1525cd4b183d82368313ed642f76be7afa981 1387579 expt-gaussian-k256.expt",
        "51774f2a4f1412506a3d43a0603830af7ed106853cefd69bc57036cb2b3802f3 1387579 expt-gaussian-n256.expt",
        "3ba5950ad348b84c788680283b60b82346499a02172358da0b226671dd1d3d04 1387570 expt-k256.expt",
        "4d46961b7eaa13bb69f54d3213bf528b1f7a0224591ca2198caf0e62a82d7174 1387570 expt-n256.expt",
        "95d1dd040bfcaceca5cfe63c388bcd7499ecab32b4e853df632db12b4ec5c629  787140 theory-gaussian-grid.expt",
        "e58698cc18249d1dde8764f56be5a474bb46eb495cd1fb95773c767b97b133e7  168380 theory-gaussian-imitation-k256.expt",
        "57892cc0ce41f7aa0b30a684c5f97463b9728bfe7c17d400d2501558affc554b  168380 theory-gaussian-imitation-n256.expt",
        "8bf8d11fe839d0aec3a86554e04bb7894de90eb91533344cd15ddd3eae48cb80  168370 theory-gaussian-k256.expt",
        "e65f248f2d5b398d82038511fdcc81e2b0c0ee962f9eaf37494fe281ae5bf6a2  168370 theory-gaussian-n256.expt",
        "d3482db47b3ffdd2eec40c27bd7e2143da1a9a62f4ab6b77a9ddefa38e802245  168410 theory-k256.expt",
        "426d0364418f7925eb4b8b9d2d22053c943068d01e923072b4fbc9e2d519e3d9  168410 theory-n256.expt",
    ),
    "results/cifar10/myrtle10-clean": (
        "8223dcb41694836fbb81c18f79c4a730652974316923290cd67a2a23fe4b48cd  255209 eigstats.file",
        "66bb69842da8b412b5147236a25bfb7f031cbfdd42c59f53b75bc26c1c50b95c   34375 optridge.expt",
        "47ea61c2ad2cb7a08966db9b30d21c5fffd1987eeb70f39e929e2e16219a7e48    4261 optridge.file",
    ),
    "results/mnist/myrtle10-clean": (
        "3dc99cb1626fb98b745616bd255bd51eef1c53cbfab54e003a72e97c35665588  255209 eigstats.file",
        "92b2bf0b9c630f3c32a455d66b87cb60b9e18af45ed0073f8a2cca3d81f35887   34373 optridge.expt",
        "f494e88b421ff2977700d531f3bb3e312930ad50d91405368cc13195e5c69ced    4261 optridge.file",
    ),
    "results/svhn/myrtle10-clean": (
        "d094e4cfa38245ecbf5a66193d28341ac2f663b628c8a23a49696e207c071b2a  255209 eigstats.file",
        "fc83ede3507ea25cb4590e71b45de1c1a14e633e7521d51da053b76de5b9faee   34372 optridge.expt",
    ),
}


def _files() -> Iterator[PublishedFile]:
    """One record for each row of the table: its name is the path without the leading ``results/``."""
    for folder, rows in TABLE.items():
        for row in rows:
            sha256, size, file = row.split()
            path = f"{folder}/{file}"
            yield PublishedFile(path.removeprefix("results/"), path, sha256, int(size))


REGISTRY = Registry("dkarkada/more-is-better", "838c66450f495212e840fd151b5b1faf9a3c13a2", tuple(_files()))


def available(name: str) -> bool:
    """Return whether the published file `name`, one of ``REGISTRY.names``, is at hand, without any download.

    Raises `KeyError` for an unknown name. See `assay.published.available`.

    >>> isinstance(available("mnist/myrtle10-clean/optridge.expt"), bool)
    True
    """
    return published.available(REGISTRY, name)


def load(name: str) -> PublishedResult:
    """Return what the published file `name`, one of ``REGISTRY.names``, holds, downloading it when it is not at hand.

    Raises `KeyError` for an unknown name and `assay.published.PublishedDataError`, with the remedy, when the file
    cannot be had or is not the published one. See `assay.published.load`.

    >>> load("optridge")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    KeyError: "no published file 'optridge' in dkarkada/more-is-better; there are ...
    """
    return published.load(REGISTRY, name)
