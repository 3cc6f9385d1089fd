"""Argument checks: what is refused, with which words, and that the two columns check alike."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import simulations._checks
import theory._checks

MODULES = pytest.mark.parametrize("checks", [theory._checks, simulations._checks], ids=["theory", "simulations"])


# --- identities and limits


def test_twins_differ_in_their_first_line_only() -> None:
    files = (theory._checks.__file__, simulations._checks.__file__)
    first, second = (Path(str(file)).read_text(encoding="utf-8").splitlines() for file in files)
    assert first[1:] == second[1:]


@MODULES
@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int64(2), Fraction(2), np.array(2.0)])
def test_numbers_of_any_type_become_floats(checks: ModuleType, value: float) -> None:
    number = checks.check_number("alpha", value, low=1.0)
    assert type(number) is float
    assert number == 2.0


# --- bad input


@MODULES
@pytest.mark.parametrize("value", ["1.5", b"1.5", 1.5j, {}, {1.5}, object(), 10**400, [1.5, "2"], [10**400, "2"]])
def test_what_is_no_real_number_is_refused(checks: ModuleType, value: object) -> None:
    for check in (checks.check_range, checks.check_number, checks.check_vector):
        with pytest.raises(ValueError, match=r"^alpha must be a real number or an array of them, got alpha="):
            check("alpha", value)


@MODULES
def test_huge_input_gives_a_short_message(checks: ModuleType) -> None:
    for value in (10**400, "x" * 10**6):
        with pytest.raises(ValueError, match=r"^alpha must be a real number") as caught:
            checks.check_range("alpha", value)
        assert len(str(caught.value)) < 200


@MODULES
@pytest.mark.parametrize(("value", "shape"), [([1.5], r"\(1,\)"), ([1.5, 2.0], r"\(2,\)"), ([[1.5]], r"\(1, 1\)")])
def test_arrays_are_no_single_number(checks: ModuleType, value: object, shape: str) -> None:
    with pytest.raises(ValueError, match=rf"^alpha must be a single real number, got shape {shape}"):
        checks.check_number("alpha", value)


@MODULES
def test_integers_are_whole_and_inside(checks: ModuleType) -> None:
    assert type(checks.check_integer("steps", 3.0, low=1)) is int
    with pytest.raises(ValueError, match=r"^steps must be an integer, got steps=2\.5"):
        checks.check_integer("steps", 2.5, low=1)
    with pytest.raises(ValueError, match=r"^steps must be >= 1, got steps=0\.0"):
        checks.check_integer("steps", 0, low=1)


@MODULES
@pytest.mark.parametrize("value", [1.0, [1.0], [[]], np.ones((1, 2, 3))])
def test_matrices_have_two_axes_with_names(checks: ModuleType, value: object) -> None:
    np.testing.assert_array_equal(checks.check_matrix("gram", [[1, 2]]), [[1.0, 2.0]])
    with pytest.raises(ValueError, match=r"^gram must have shape \(n, m\) with both >= 1, got shape \("):
        checks.check_matrix("gram", value, axes=("n", "m"))
    with pytest.raises(ValueError, match=r"^gram must be >= 0, got gram\[0, 1\]=-1\.0"):
        checks.check_matrix("gram", [[0, -1]], low=0.0)


@MODULES
def test_domains_are_named_with_the_offending_entry(checks: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"^alpha must be > 1 and <= 3, got alpha\[1\]=3\.5"):
        checks.check_range("alpha", [2.0, 3.5], low=1.0, open_low=True, high=3.0)
    with pytest.raises(ValueError, match=r"^alpha must be > 1, got alpha=1\.0"):
        checks.check_number("alpha", 1.0, low=1.0, open_low=True)
    with pytest.raises(ValueError, match=r"^alpha must be >= 0, got alpha=nan"):
        checks.check_number("alpha", float("nan"), low=0.0)
