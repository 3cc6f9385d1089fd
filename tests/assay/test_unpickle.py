"""The reader of foreign pickles: plain data of every protocol comes through, programs do not."""

from __future__ import annotations

import builtins
import contextlib
import copyreg
import os
import pickle
import subprocess
import sys
import types
from collections import OrderedDict
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assay.unpickle import Stub, UnsafePickleError, load_plain_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
STUB = "foreign_results.Results"


@pytest.fixture
def results(monkeypatch):
    """A class of a module that exists while a test pickles it."""

    class Results:
        pass

    Results.__module__, Results.__qualname__ = "foreign_results", "Results"
    foreign = types.ModuleType("foreign_results")
    foreign.Results = Results  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "foreign_results", foreign)
    return Results


def call(module: str, name: str, *arguments: bytes) -> bytes:
    """A pickle that calls module.name with these pickled arguments."""
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n(" + b"".join(arguments) + b"tR."


def text(value: str) -> bytes:
    return b"V" + value.encode() + b"\n"


def array_bytes(
    spec: bytes = b"f8", shape: bytes = b"(I2\nt", data: bytes = b"\0" * 16, state: bytes = b"V<\nNNN"
) -> bytes:
    """A hand-written protocol-4 pickle of an array through numpy's `_frombuffer`."""
    dtype = b"cnumpy\ndtype\n(V" + spec + b"\nI00\nI01\ntR(I3\n" + state + b"I-1\nI-1\nI0\ntb"
    raw = b"C" + bytes([len(data)]) + data
    return b"\x80\x04cnumpy._core.numeric\n_frombuffer\n(" + raw + dtype + shape + b"VC\ntR."


# --- identities and limits

PLAIN = {
    "nothing": None,
    "numbers": [1, -(10**40), 0.1, float("inf"), True],
    "text": ("κ", "", b"raw \xff", b""),
    "nested": {"a": [{"b": (1, "k")}, [[]]], (1, "k"): ()},
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_data_comes_through(protocol):
    assert load_plain_pickle(pickle.dumps(PLAIN, protocol)) == PLAIN


def test_sets_come_through():
    sets = [{1, 2}, frozenset({"x"})]
    assert load_plain_pickle(pickle.dumps(sets, 4)) == sets


ARRAYS = {
    "float": np.array([[0.1, -2.5], [np.inf, np.nan]]),
    "single": np.float32([0.1, 3.25]),
    "integers": np.arange(6, dtype=np.int16).reshape(1, 2, 3),
    "booleans": np.array([True, False]),
    "complex": np.array([1 + 2j]),
    "big-endian": np.array([1.5, 2.5], dtype=">f8"),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "strided": np.arange(20.0).reshape(4, 5)[::2, ::-2],
    "empty": np.zeros((0, 3)),
    "zero-dimensional": np.array(7.5),
    "labels": np.array(["train", "test"]),
    "bytes": np.array([b"ab", b"c"]),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_come_through(name, protocol):
    array = ARRAYS[name]
    again = load_plain_pickle(pickle.dumps({"a": array}, protocol))["a"]
    assert type(again) is np.ndarray
    assert again.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(again, array)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("scalar", [np.float64(0.1), np.float32(0.5), np.int64(-3), np.bool_(True), np.str_("κ")])
def test_numpy_scalars_become_numbers(scalar, protocol):
    again = load_plain_pickle(pickle.dumps([scalar], protocol))[0]
    assert type(again) in (float, int, bool, str)
    assert again == scalar


@pytest.mark.parametrize("old", ["numpy.core", "numpy._core"])
def test_both_homes_of_numpy_are_known(old):
    content = pickle.dumps(np.array([0.5, 2.5]), 5)
    for core in ("numpy.core.numeric", "numpy._core.numeric"):
        name = core.encode()
        content = content.replace(
            bytes([0x8C, len(name)]) + name, bytes([0x8C, len(old) + 8]) + f"{old}.numeric".encode()
        )
    content = content[:2] + content[11:]  # the frame's length no longer fits
    assert load_plain_pickle(content).tolist() == [0.5, 2.5]


@pytest.mark.parametrize("protocol", PROTOCOLS[2:])
def test_stubs_hold_the_attributes(results, protocol):
    value = results()
    value.axes = [("ridge", np.array([0.1, 2.5]))]
    value.inner = {"again": value.axes}
    stub = load_plain_pickle(pickle.dumps(value, protocol), {STUB})
    assert type(stub) is Stub
    assert stub.name == STUB
    assert set(stub.state) == {"axes", "inner"}
    np.testing.assert_array_equal(stub.state["axes"][0][1], [0.1, 2.5])


def test_the_hand_written_array_is_one():
    assert load_plain_pickle(array_bytes()).tolist() == [0.0, 0.0]


# --- properties


@settings(derandomize=True, deadline=None)
@given(
    hnp.arrays(st.sampled_from(["f8", "f4", "i8", "u1", "?", "c16", ">i4", "U3", "S2"]), hnp.array_shapes(min_dims=0))
)
def test_any_plain_array_comes_through(array):
    again = load_plain_pickle(pickle.dumps(array, 5))
    assert again.shape == array.shape
    np.testing.assert_array_equal(again, array)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.data())
def test_damaged_pickles_are_refused_or_plain(data):
    content = bytearray(pickle.dumps({"a": np.arange(4.0), "b": ["text", 0.5]}, data.draw(st.integers(2, 5))))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(UnsafePickleError):
        load_plain_pickle(bytes(content[: data.draw(st.integers(0, len(content)))]))


# --- bad input


class _Calls:
    """Pickles as a call of `function` with `arguments`."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (os.system, ("exit 3",), r"(posix|nt)\.system"),
        (builtins.eval, ("1+1",), r"(builtins|__builtin__)\.eval"),
        (builtins.exec, ("x = 1",), r"(builtins|__builtin__)\.exec"),
        (builtins.getattr, ("text", "upper"), r"(builtins|__builtin__)\.getattr"),
        (builtins.__import__, ("os",), r"(builtins|__builtin__)\.__import__"),
        (subprocess.Popen, (["true"],), r"(subprocess|commands)\.Popen"),
        (np.load, ("file.npy", None, True), r"numpy\.load"),
        (np.fromfile, ("/etc/hostname",), r"numpy\.fromfile"),
        (np.memmap, ("/etc/hostname",), r"numpy\.memmap"),
        (pickle.loads, (b"N.",), r"(_pickle|cPickle|pickle)\.loads"),
        (copyreg._reconstructor, (object, object, None), r"(copyreg|copy_reg)\._reconstructor"),  # pyright: ignore
        (OrderedDict, (), r"collections\.OrderedDict"),
        (Fraction, (1, 2), r"fractions\.Fraction"),
        (np.frompyfunc, (abs, 1, 1), r"numpy\.frompyfunc"),
    ],
)
def test_programs_are_refused_before_they_run(function, arguments, name, protocol):
    content = pickle.dumps(_Calls(function, *arguments), protocol)
    with pytest.raises(UnsafePickleError, match=rf"refused: the pickle asks for {name}"):
        load_plain_pickle(content, {STUB})


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("numpy", "core.multiarray.os.system"),
        ("numpy.core.multiarray", "_reconstruct.__globals__"),
        ("numpy", "dtype.__init__"),
        ("numpy.lib.npyio", "load"),
        ("numpy.testing._private.utils", "runstring"),
        ("numpy.f2py.diagnose", "os.system"),
        ("assay.unpickle", "io.open"),
        ("foreign_results", "Results.__init__"),
        ("foreign_results", "os"),
    ],
)
def test_chains_of_attributes_are_refused(module, name):
    for content in (call(module, name, text("x")), b"\x80\x04" + text(module) + text(name) + b"\x93."):
        with pytest.raises(UnsafePickleError, match="refused: the pickle asks for"):
            load_plain_pickle(content, {STUB})


def test_object_arrays_are_refused():
    for protocol in PROTOCOLS:
        with pytest.raises(UnsafePickleError, match="refused: arrays must be numeric or text, got dtype 'O8'"):
            load_plain_pickle(pickle.dumps(np.array([print, None], dtype=object), protocol))


@pytest.mark.parametrize("dtype", [[("a", "f8"), ("b", "i4")], "M8[s]", "V4", ("f8", (2,))])
def test_other_arrays_are_refused(dtype):
    with pytest.raises(UnsafePickleError, match=r"refused: arrays must be numeric or text, got dtype '[MV]"):
        load_plain_pickle(pickle.dumps([np.dtype(dtype)], 4))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"spec": b"O8"}, "arrays must be numeric or text, got dtype 'O8'"),
        ({"spec": b"f8,O8"}, "arrays must be numeric or text"),
        ({"spec": b"|O"}, "arrays must be numeric or text"),
        ({"shape": b"(I3\nt"}, "has 16 bytes"),
        ({"shape": b"(I-2\nt"}, r"an array has the shape \(-2,\)"),
        ({"shape": b"(I100000\nI100000\nI100000\nI100000\nt"}, "has 16 bytes"),
        ({"shape": b"I2\n"}, "an array has the shape 2"),
        ({"shape": b"(F2.0\nt"}, r"an array has the shape \(2.0,\)"),
        ({"data": b"\0" * 15}, "has 15 bytes"),
        ({"state": b"V<\n(Vf8\n(I2\nttNN"}, "arrays must not have fields or subarrays"),
        ({"state": b"V<\nN(Va\nt}"}, "arrays must not have fields or subarrays"),
        ({"state": b"VO\nNNN"}, "a dtype has an unknown state"),
    ],
)
def test_arrays_are_checked(changes, reason):
    with pytest.raises(UnsafePickleError, match=reason):
        load_plain_pickle(array_bytes(**changes))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"cnumpy\ndtype\n}V__defaults__\nNsb.", "the state of a function"),
        (b"cnumpy\ndtype\nN}V_function\nNs\x86b.", "the state of a function"),
        (b"cnumpy\nndarray\n}b.", "the state of a class"),
        (b"cforeign_results\nResults\n}Vx\nI1\nsb.", "is damaged or not plain data"),
        (b"cforeign_results\nResults\n(I1\ntR.", "made with arguments"),
        (b"cforeign_results\nResults\n)\x81I1\nb.", "must be a mapping of attributes"),
        (b"cforeign_results\nResults\n)\x81}I1\nI2\nsb.", "must be a mapping of attributes"),
        (b"cforeign_results\nResults\n.", "refused: the pickle holds a type"),
        (b"cnumpy\nndarray\n.", "refused: the pickle holds a _Marker"),
        (b"cnumpy\ndtype\n.", "refused: the pickle holds a _Call"),
        (b"cnumpy\ndtype\n(Vf8\ntR.", "refused: the pickle holds a _Type"),
        (b"cnumpy.core.multiarray\n_reconstruct\n(I1\nNNtR.", "only numpy.ndarray may be reconstructed"),
        (
            b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\x01btR.",
            "not plain data|not enough values",
        ),
        (b"c_codecs\nencode\n(Vx\nVrot13\ntR.", "encodes text as 'rot13'"),
        (b"Pexternal\n.", "asks for an external object 'external'"),
        (b"\x80\x04\x82\x01.", "is damaged or not plain data"),
        (b"", "is damaged or not plain data: EOFError"),
        (b"not a pickle", "is damaged or not plain data"),
        (b"\x80\x63N.", "is damaged or not plain data: ValueError: unsupported pickle protocol"),
        (b"]\x940h\x00a.", "is damaged or not plain data"),
        (b"(" * 100 + b"l" * 60 + b".", "is damaged or not plain data|nested"),
    ],
)
def test_tricks_are_refused(content, reason):
    with pytest.raises(UnsafePickleError, match=reason):
        load_plain_pickle(content, {STUB})


def test_a_list_in_itself_is_refused():
    endless: list = []
    endless.append(endless)
    with pytest.raises(UnsafePickleError, match="nested more than 50 levels deep"):
        load_plain_pickle(pickle.dumps(endless))


def test_nothing_a_pickle_does_outlives_the_reading(results):
    value = results()
    value.__dict__.update({"load": 1, "__setstate__": 2, "name": "other", "__class__": 3})
    stub = load_plain_pickle(pickle.dumps(value), {STUB})
    assert stub.name == STUB
    assert stub.state["name"] == "other"
    assert load_plain_pickle(pickle.dumps(results()), {STUB}).state == {}


def test_a_stub_is_only_what_was_named(results):
    with pytest.raises(UnsafePickleError, match=r"refused: the pickle asks for foreign_results.Results"):
        load_plain_pickle(pickle.dumps(results()))
