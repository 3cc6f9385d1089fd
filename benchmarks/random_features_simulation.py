"""Speed of the random-feature experiments on one core: exact-in-law sampling against the literal experiment.

The panel is the paper's: n = 256 (or k = 256) against 31 sizes from 10 to 10 000, 31 ridges, 10 000 modes, test errors
by 1000 test points where literal. A literal trial is not run in full: its parts are timed on slices (250 projections,
one kernel matrix, one size's solves) and scaled by their counts; every part is linear in what it is scaled by, so the
literal time is an extrapolation and is named so. Two literal ways are compared: the same experiment as the fast one,
which draws features afresh for every size, and the shortcut of drawing 10 000 features once and taking subsets, which
is a fifth of the work but correlates the sizes.
"""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.timing import seconds
from simulations.random_features import fixed_features_panel, fixed_samples_panel, power_law_errors, power_law_task
from simulations.random_features.literal import draw_labelled, feature_map

__all__ = ["benchmarks", "literal_trial_seconds", "main"]

FIXED, MODES, TEST_POINTS, SLICE = 256, 10_000, 1000, 250
SIZES = tuple(int(k) for k in np.floor(np.logspace(1, 4, 31)))
RIDGES = tuple(float(d) for d in np.logspace(-3, 2, 31))
TASK = {"alpha": 1.5, "beta": 1.5, "modes": MODES, "noise_variance": 0.5}


def literal_trial_seconds(rng: np.random.Generator) -> tuple[float, float]:
    """Return the extrapolated time of a literal trial of the fixed-samples panel: fresh features, shared features.

    Draw projections, apply them to training and test points, form kernel matrices, solve once per ridge. `rng` draws
    the slices.
    """
    task = power_law_task(**TASK)
    inputs, labels = draw_labelled(rng, FIXED, task)
    tests, _ = draw_labelled(rng, TEST_POINTS, task)
    both = np.concatenate([inputs, tests])

    def project() -> np.ndarray:
        return both @ feature_map(rng.standard_normal((SLICE, MODES)), task.eigenvalues)

    features = project()
    train, test = features[:FIXED], features[FIXED:]
    kernel, other = train @ train.T, test @ train.T

    def kernels() -> tuple[np.ndarray, np.ndarray]:
        return train @ train.T, test @ train.T

    def solves() -> None:
        for ridge in RIDGES:
            dual = np.linalg.solve(kernel + ridge * np.eye(FIXED), labels)
            np.mean((other @ dual) ** 2), np.mean((kernel @ dual) ** 2)

    data = seconds(lambda: (draw_labelled(rng, FIXED, task), draw_labelled(rng, TEST_POINTS, task)), 1)
    projection = seconds(project, 3) / SLICE
    rest = data + seconds(kernels, 3) * sum(SIZES) / SLICE + seconds(solves, 3) * len(SIZES)
    return rest + projection * sum(SIZES), rest + projection * max(SIZES)


def benchmarks() -> list[tuple[str, float, str, float, str]]:
    """Return (name, value, unit, required, better) of every measurement, on one core."""
    with threadpool_limits(1):
        rng = np.random.default_rng(2024)
        panel = seconds(lambda: fixed_samples_panel(rng, 1, n=FIXED, feature_counts=SIZES, ridges=RIDGES, **TASK))
        other = seconds(lambda: fixed_features_panel(rng, 1, k=FIXED, sample_counts=SIZES, ridges=RIDGES, **TASK))
        apart = seconds(
            lambda: [power_law_errors(rng, 1, n=FIXED, k=k, ridges=RIDGES, **TASK) for k in SIZES], repeats=1
        )
        single = seconds(lambda: power_law_errors(rng, 4, n=FIXED, k=1000, ridges=RIDGES, **TASK)) / 4
        literal, shortcut = literal_trial_seconds(rng)
    return [
        ("trial n=256, 31 sizes x 31 ridges", panel, "s", 0.5, "less"),
        ("trial k=256, 31 sizes x 31 ridges", other, "s", 0.5, "less"),
        ("literal trial (extrapolated) / trial n=256", literal / panel, "x", 80.0, "more"),
        ("literal trial, features shared (extrap.) / trial n=256", shortcut / panel, "x", 20.0, "more"),
        ("trial n=256, fresh training set for every size", apart, "s", 3.0, "less"),
        ("literal trial (extrapolated) / fresh-set trial", literal / apart, "x", 10.0, "more"),
        ("replicate at (256, 1000), 31 ridges, nothing shared", single, "s", 0.2, "less"),
    ]


def main() -> None:
    """Print the table of measurements."""
    for name, value, unit, required, better in benchmarks():
        bound = f"{'>=' if better == 'more' else '<='} {required:g} {unit}"
        print(f"{name:<58} {f'{value:.3g} {unit}':>12} {bound:>14}")


if __name__ == "__main__":
    main()
