"""exp and log1p on half-lines, in arithmetic that the compiler can put into vector instructions.

Library functions are calls, which end vectorisation; here loops over lanes stay loops. Both are within two units in the
last place, and as they are plain multiplications and additions without fast-math, scalar and vector code agree to the
last bit. Polynomials by Estrin's scheme: independent products first.
"""

from __future__ import annotations

from typing import Any

from numba import njit, types
from numba.extending import intrinsic

__all__ = ["exp_any", "exp_minus", "log1p_unit", "log_normal"]

_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # the high part times k is exact
_LN2 = 0.6931471805599453
_ROUND = 1.5 * 2.0**52  # adding it rounds to a whole number, which then stands in the lowest bits


@intrinsic
def _bits_of(typingctx: Any, value: Any) -> Any:
    """The 64 bits of a float as an integer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.int64))

    return types.int64(types.float64), generate


@intrinsic
def _float_of(typingctx: Any, bits: Any) -> Any:
    """The float of 64 bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float64))

    return types.float64(types.int64), generate


@njit(cache=True, error_model="numpy", forceinline=True)
def exp_minus(a: float) -> float:
    """Return exp(-a) for `a` >= 0, inf included; 0 beyond 708.

    2^-k exp(k log 2 - a) with a Taylor polynomial of degree 13; 2^-k by its exponent bits.
    """
    rounded = min(a, 708.0) * _LOG2E + _ROUND
    k = rounded - _ROUND
    r = (k * _LN2_HIGH - min(a, 708.0)) + k * _LN2_LOW
    r2 = r * r
    r4 = r2 * r2
    low = (0.5 + r * (1 / 6)) + r2 * (1 / 24 + r * (1 / 120))
    middle = (1 / 720 + r * (1 / 5040)) + r2 * (1 / 40320 + r * (1 / 362880))
    high = (1 / 3628800 + r * (1 / 39916800)) + r2 * (1 / 479001600 + r * (1 / 6227020800))
    exponent = 1023 - (_bits_of(rounded) & 2047)  # pyright: ignore[reportCallIssue]
    scale = _float_of(exponent << 52)  # pyright: ignore[reportCallIssue]
    value = (1.0 + (r + r2 * (low + r4 * (middle + r4 * high)))) * scale
    return value if a <= 708.0 else 0.0


@njit(cache=True, error_model="numpy", forceinline=True)
def exp_any(x: float) -> float:
    """Return exp(x); 0 below -708, inf above 708."""
    e = exp_minus(abs(x))
    return e if x <= 0.0 else 1.0 / e


@njit(cache=True, error_model="numpy", forceinline=True)
def log1p_unit(e: float) -> float:
    """Return log(1 + e) for `e` in [0, 1]: 2 artanh(s), s = e/(2 + e), a polynomial in s^2 with error below 3e-18."""
    s = e / (2.0 + e)
    z = s * s
    z2 = z * z
    z4 = z2 * z2
    low = 0.6666666666666615 + z * 0.4000000000018575 + z2 * (0.28571428545454114 + z * 0.22222224080747674)
    middle = 0.18181740832504806 + z * 0.1538661404230401 + z2 * (0.13300374032674625 + z * 0.12110168728069218)
    high = 0.0832450651186082 + z * 0.17044163562781398
    return s * (2.0 + z * (low + z4 * (middle + z4 * high)))


@njit(cache=True, error_model="numpy", forceinline=True)
def log_normal(x: float) -> float:
    """Return log(x) of a positive normal number `x`, with an absolute error of a few 1e-16 near 1."""
    bits = _bits_of(x)  # pyright: ignore[reportCallIssue]
    exponent = float((bits >> 52) - 1023)
    mantissa = _float_of((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000)  # pyright: ignore[reportCallIssue]
    return exponent * _LN2 + log1p_unit(mantissa - 1.0)
