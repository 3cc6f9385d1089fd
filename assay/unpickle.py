"""Reads foreign pickles of plain data: numbers, strings, containers, numeric numpy arrays, and instances of stub
classes.

A pickle is a program; this reader lets it call nothing but the small functions of this module. No name is ever looked
up outside the table below, and even what the names numpy.ndarray or numpy.dtype resolve to are stand-ins that check
their arguments; arrays are built from raw bytes of a numeric or fixed-width text type after the pickle has been read to
its end. Object arrays, which would hold further pickled objects, are refused.
"""

from __future__ import annotations

import io
import math
import pickle
import re
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

__all__ = ["Stub", "UnsafePickleError", "load_plain_pickle"]

PLAIN_TYPE = re.compile(r"[biufcUS]\d{1,9}\Z")
SCALARS = (str, int, float, complex, bool, bytes, type(None))


class UnsafePickleError(ValueError):
    """A pickle that asks for more than plain data, or that cannot be read."""


class Stub:
    """Stands for an instance of a foreign class: `name` is the class's dotted name, `state` its attributes by name.

    >>> stub = Stub("results.Run")
    >>> stub.name, stub.state
    ('results.Run', {})
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
            raise UnsafePickleError(f"the state of {self.name} must be a mapping of attributes")
        self.state = state


def load_plain_pickle(content: bytes, stubs: Collection[str] = ()) -> Any:
    """Return the object in the pickle `content`, made of plain containers, Python scalars, numpy arrays and `Stub`s.

    `content` holds the bytes of one pickle of any protocol; `stubs` are dotted names of foreign classes that become
    `Stub` instances without their code. numpy scalars become Python numbers. Raises `UnsafePickleError` for any other
    global name (naming it), for object arrays, and for content that is damaged. Source: derived.

    >>> load_plain_pickle(pickle.dumps({"a": np.array([1.5, 2.0])}))
    {'a': array([1.5, 2. ])}
    >>> load_plain_pickle(pickle.dumps(print))
    Traceback (most recent call last):
        ...
    assay.unpickle.UnsafePickleError: refused: the pickle asks for builtins.print
    """
    try:
        return _plain(_Reader(io.BytesIO(content), frozenset(stubs)).load())
    except UnsafePickleError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        raise UnsafePickleError(f"the pickle is damaged or not plain data: {type(error).__name__}: {error}") from error


class _Reader(pickle.Unpickler):
    """An unpickler whose every global name is looked up in `RESOLVED` or among the stubs."""

    def __init__(self, file: io.BytesIO, stubs: frozenset[str]) -> None:
        super().__init__(file)
        self._stubs = stubs

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        dotted = f"{module_name}.{global_name}"
        if dotted in self._stubs:
            return _stub_class(dotted)
        if dotted not in RESOLVED:
            raise UnsafePickleError(f"refused: the pickle asks for {dotted}")
        return RESOLVED[dotted]

    def persistent_load(self, pid: Any, /) -> Any:
        raise UnsafePickleError(f"refused: the pickle asks for an external object {pid!r}")


class _Call:
    """A function that the pickle may call and cannot modify."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        object.__setattr__(self, "_function", function)

    def __setattr__(self, name: str, value: Any) -> None:
        raise UnsafePickleError(f"refused: the pickle sets the attribute {name} of a function")

    def __setstate__(self, state: Any) -> None:
        raise UnsafePickleError("refused: the pickle sets the state of a function")

    def __call__(self, *args: Any) -> Any:
        return self._function(*args)


class _Type:
    """Stands for a numpy dtype until its byte order is known."""

    def __init__(self, spec: Any, *flags: Any) -> None:
        if not isinstance(spec, str) or not PLAIN_TYPE.match(spec):
            raise UnsafePickleError(f"refused: arrays must be numeric or text, got dtype {spec!r}")
        self.spec, self.order = spec, "="

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 5 or state[1] not in ("<", ">", "|", "="):
            raise UnsafePickleError("refused: a dtype has an unknown state")
        if any(part is not None for part in state[2:5]):
            raise UnsafePickleError("refused: arrays must not have fields or subarrays")
        self.order = state[1]

    def dtype(self) -> np.dtype[Any]:
        return np.dtype(f"{self.order}{self.spec}")


class _Array:
    """Stands for an array until the pickle has been read."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __setstate__(self, state: Any) -> None:
        if self.parts or not isinstance(state, tuple) or len(state) != 5:
            raise UnsafePickleError("refused: an array has an unknown state")
        _, shape, kind, fortran, data = state
        self.parts = (data, kind, shape, "F" if fortran else "C")

    def array(self) -> np.ndarray[Any, Any]:
        """The array, from its raw bytes; the size is checked before anything is allocated."""
        data, kind, shape, order = self.parts
        if not isinstance(kind, _Type) or not isinstance(data, (bytes, bytearray)) or order not in ("C", "F"):
            raise UnsafePickleError("refused: an array must be raw bytes of a plain dtype")
        if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
            raise UnsafePickleError(f"an array has the shape {shape!r}")
        dtype = kind.dtype()
        if math.prod(shape) * dtype.itemsize != len(data):
            raise UnsafePickleError(f"an array of shape {shape} and dtype {dtype} has {len(data)} bytes")
        return np.frombuffer(bytes(data), dtype).reshape(shape, order=order).astype(dtype.newbyteorder("="))


class _Marker:
    """Stands for the class numpy.ndarray, which pickles only mention."""

    def __setstate__(self, state: Any) -> None:
        raise UnsafePickleError("refused: the pickle sets the state of a class")


def _reconstruct(kind: Any, shape: Any, code: Any) -> _Array:
    if not isinstance(kind, _Marker):
        raise UnsafePickleError("refused: only numpy.ndarray may be reconstructed")
    return _Array()


def _scalar(kind: Any, data: Any) -> Any:
    return _Array(data, kind, (), "C").array().item()


def _encode(text: Any, encoding: Any) -> bytes:
    """Bytes of older protocols, which spell them as latin-1 text."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise UnsafePickleError(f"refused: the pickle encodes text as {encoding!r}")
    return text.encode("latin-1")


def _no_bytes(*args: Any) -> bytes:
    """Empty bytes as older protocols spell them: a call of ``bytes`` without arguments."""
    if args:
        raise UnsafePickleError("refused: the pickle makes bytes from other objects")
    return b""


def _stub_class(dotted: str) -> type[Stub]:
    """A fresh class for one mention of the name, so nothing that a pickle does to it outlives the reading."""

    def create(cls: type[Stub], *args: Any) -> Stub:
        if args:
            raise UnsafePickleError(f"refused: {dotted} is made with arguments")
        stub = object.__new__(cls)
        Stub.__init__(stub, dotted)
        return stub

    return type("Stub", (Stub,), {"__new__": create, "__init__": lambda self: None})


def _plain(value: Any, depth: int = 0) -> Any:
    """`value` with its stand-ins replaced; anything that is not plain data is refused."""
    if depth > 50:
        raise UnsafePickleError("the pickle is nested more than 50 levels deep")
    if isinstance(value, _Array):
        return value.array()
    if isinstance(value, Stub):
        stub = Stub(value.name)
        stub.state = _plain(value.state, depth + 1)
        return stub
    if type(value) is dict:
        return {_plain(key, depth + 1): _plain(item, depth + 1) for key, item in value.items()}
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(_plain(item, depth + 1) for item in value)
    if type(value) in SCALARS:
        return value
    raise UnsafePickleError(f"refused: the pickle holds a {type(value).__name__}")


RESOLVED: dict[str, Any] = {"numpy.ndarray": _Marker(), "numpy.dtype": _Call(_Type), "_codecs.encode": _Call(_encode)}
RESOLVED |= {"__builtin__.bytes": _Call(_no_bytes), "builtins.bytes": _Call(_no_bytes)}
for _core in ("numpy.core", "numpy._core"):
    RESOLVED[f"{_core}.numeric._frombuffer"] = _Call(_Array)
    RESOLVED[f"{_core}.multiarray._reconstruct"] = _Call(_reconstruct)
    RESOLVED[f"{_core}.multiarray.scalar"] = _Call(_scalar)
