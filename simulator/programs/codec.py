"""The encodings of circuits and arrays in jobs and results."""

from __future__ import annotations

import binascii
import io
import math
import struct
import zlib
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import CircuitInstruction, Delay, ParameterExpression, Qubit
from qiskit.circuit.exceptions import CircuitError

from ..errors import InvalidJob
from ..own_gates import native
from ..variables import lower
from .base import require

#: QPY versions that the client writes. Older ones may have serialised expressions of other libraries.
QPY_VERSIONS = range(13, qpy.QPY_VERSION + 1)
#: Fast compression, not small size: most results are read once, on the same machine.
COMPRESSION = 1

#: Dimensions of an array, as in NumPy.
MAX_DIMENSIONS = 64

#: Element types of executor tensors.
DTYPES = {
    **{
        name: np.dtype(f"<{name[0]}{int(name[1:]) // 8}")
        for name in ("f16", "f32", "f64", "i8", "i16", "i32", "i64")
    },
    **{
        name: np.dtype(f"<{name[0]}{int(name[1:]) // 8}")
        for name in ("u8", "u16", "u32", "u64", "c64", "c128")
    },
}


def decompress(text: object, limit: int, name: str) -> bytes:
    """Decode base64 and zlib.

    Raises:
        InvalidJob: If the data is malformed, or larger than the limit.
    """
    try:
        packed = binascii.a2b_base64(require(text, str, name), strict_mode=True)
        decompressor = zlib.decompressobj()
        raw = decompressor.decompress(packed, limit)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise InvalidJob(f"{name} is not zlib-compressed base64 data.") from error
    if decompressor.unconsumed_tail:
        raise InvalidJob(f"{name} is larger than {limit} bytes once decompressed.")
    if not decompressor.eof:
        raise InvalidJob(f"{name} is truncated.")
    return raw


def circuits(
    text: object, limit: int, name: str, annotations: dict[str, Any] | None = None
) -> list[QuantumCircuit]:
    """Decode circuits from compressed QPY."""
    raw = decompress(text, limit, name)
    if raw[:6] != b"QISKIT" or len(raw) < 7:
        raise InvalidJob(f"{name} is not QPY data.")
    if raw[6] not in QPY_VERSIONS:
        raise InvalidJob(
            f"{name} is QPY version {raw[6]}; {QPY_VERSIONS[0]} to {QPY_VERSIONS[-1]} are understood."
        )
    try:
        loaded = qpy.load(io.BytesIO(raw), annotation_factories=annotations)
    except Exception as error:
        # With damaged QPY the reader may raise any error.
        raise InvalidJob(f"{name} is damaged QPY data: {type(error).__name__}: {error}") from error
    read = []
    for each in loaded:
        complete = _with_free_delays(require(each, QuantumCircuit, name))
        _check_delays(complete, name)
        read.append(lower(native(complete)))
    return read


def _with_free_delays(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit whose delays with free parameters are in dt.

    The reader gives them the unit of an expression, and they cannot be used (Qiskit 2.6.2).
    """
    if not any(item.is_control_flow() or _is_unusable(item) for item in circuit.data):
        return circuit
    result = circuit.copy_empty_like()
    for item in circuit.data:
        if item.is_control_flow():
            blocks = [_with_free_delays(block) for block in item.operation.blocks]
            result._append(item.replace(operation=item.operation.replace_blocks(blocks)))
        elif _is_unusable(item):
            result._append(CircuitInstruction(Delay(item.params[0], "dt"), item.qubits, item.clbits))
        else:
            result._append(item)
    return result


def _is_unusable(item: CircuitInstruction) -> bool:
    """Return whether an instruction is a delay with free parameters, as the reader makes it."""
    # A gate of the circuit's own may have this name too, with any parameters or none.
    if item.name != "delay" or not any(isinstance(value, ParameterExpression) for value in item.params[:1]):
        return False
    try:
        # Qiskit makes the object only now.
        _ = item.operation
    except CircuitError:
        return True
    return False


def _check_delays(circuit: QuantumCircuit, name: str) -> None:
    """Check that no delay has lost its unit.

    QPY does not keep the unit of a delay, and the reader takes each number as one of dt (Qiskit's issue
    8293). A number of dt is an integer, so any other one was in a unit of time.

    Raises:
        InvalidJob: If a delay has lost its unit.
    """
    for item in circuit.data:
        if item.name == "delay" and _has_lost_unit(item):
            raise InvalidJob(
                f"{name} has a delay of {item.params[0]:g}, which is not an integer number of dt. QPY does "
                "not keep the unit of a delay: transpile the circuit, so that its delays are in dt.",
                code=1517,
            )
        if item.is_control_flow():
            for block in item.operation.blocks:
                _check_delays(block, name)


def _has_lost_unit(item: CircuitInstruction) -> bool:
    try:
        is_delay = isinstance(item.operation, Delay)
    except CircuitError:
        # Qiskit makes the object, and checks its parameter, only now.
        is_delay = True
    # A circuit may define a gate of this name, with any parameters.
    return is_delay and isinstance(item.params[0], float)


def circuit(value: object, limit: int, name: str) -> QuantumCircuit:
    """Decode the circuit of a PUB: QPY or OpenQASM 3."""
    if isinstance(value, str):
        return _from_qasm(value, limit, name)
    if not isinstance(value, dict) or value.get("__type__") != "QuantumCircuit":
        raise InvalidJob(f"{name} must be an encoded QuantumCircuit, or OpenQASM 3.")
    loaded = circuits(value.get("__value__"), limit, name)
    if len(loaded) != 1:
        raise InvalidJob(f"{name} has {len(loaded)} circuits instead of one.")
    return loaded[0]


def _from_qasm(text: str, limit: int, name: str) -> QuantumCircuit:
    if not text.lstrip().startswith("OPENQASM 3"):
        raise InvalidJob(f"{name} must be an encoded QuantumCircuit, or OpenQASM 3.")
    if len(text) > limit:
        raise InvalidJob(f"{name} is larger than {limit} bytes.")
    # Importing the parser takes a second, and few jobs need it.
    import openqasm3

    from core import openqasm

    try:
        loaded, own = openqasm.convert(openqasm3.parse(text))
    except Exception as error:
        # The parser and the importer can raise other exceptions than their own.
        raise InvalidJob(f"{name} is not OpenQASM 3 that can be read: {error}") from error
    return lower(native(require(loaded, QuantumCircuit, name), own))


def on_all_qubits(circuit: QuantumCircuit, num_qubits: int) -> QuantumCircuit:
    """Return a circuit on all qubits of a backend, if it is on physical qubits.

    An OpenQASM program has as many physical qubits as its highest index says. Observables are for all qubits.
    """
    if not circuit.qregs and circuit.num_qubits < num_qubits:
        circuit.add_bits([Qubit() for _ in range(num_qubits - circuit.num_qubits)])
    return circuit


def array(value: object, limit: int, name: str) -> NDArray[np.float64]:
    """Decode the parameter values of a PUB: nothing, a list, or an encoded array."""
    if value is None:
        return np.empty(0)
    try:
        if isinstance(value, dict):
            if value.get("__type__") != "ndarray":
                raise InvalidJob(f"{name} must be an encoded array.")
            inner = value.get("__value__")
            if isinstance(inner, list):
                return np.array(inner, dtype=np.float64)
            return reals(np.load(io.BytesIO(decompress(inner, limit, name)), allow_pickle=False), name)
        return np.array(require(value, list, name), dtype=np.float64)
    except (ValueError, TypeError, EOFError, OSError, SyntaxError) as error:
        raise InvalidJob(f"{name} is not an array of numbers: {error}") from error


def reals(values: NDArray[Any], name: str) -> NDArray[np.float64]:
    """Return an array of numbers as floating-point numbers.

    Raises:
        InvalidJob: If they are something else, such as complex numbers, whose imaginary part would be lost.
    """
    if values.dtype.kind not in "biuf":
        raise InvalidJob(f"{name} must be real numbers, not {values.dtype}.")
    return np.asarray(values, dtype=np.float64)


def rows(
    values: NDArray[np.float64], num_parameters: int, name: str
) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """Split parameter values into the shape of the sweep and one row of values per execution."""
    if num_parameters == 0 and values.size == 0:
        # Without parameters the last axis or the array is empty. The sweep's shape is before it.
        shape = values.shape[:-1] if values.ndim > 1 else ()
        return shape, np.empty((math.prod(shape), 0))
    if values.ndim == 0 or values.shape[-1] != num_parameters:
        raise InvalidJob(
            f"{name} has shape {list(values.shape)}, but the circuit has {num_parameters} parameters."
        )
    return values.shape[:-1], values.reshape(-1, num_parameters)


def tensor(value: object, limit: int, name: str) -> NDArray[Any]:
    """Decode a tensor of the executor."""
    fields = require(value, dict, name)
    shape = require(fields.get("shape"), list, f"{name}.shape")
    # The number of sizes is checked first: the product of many is a number with as many digits.
    if (
        len(shape) > MAX_DIMENSIONS
        or not all(type(size) is int and size >= 0 for size in shape)
        or math.prod(shape) > limit
    ):
        raise InvalidJob(f"{name}.shape is not a list of sizes, or too large.")
    raw = decompress(fields.get("data"), limit, f"{name}.data")
    dtype = require(fields.get("dtype"), str, f"{name}.dtype")
    size = math.prod(shape)
    try:
        if dtype == "bool":
            if len(raw) != (size + 7) // 8:
                raise ValueError(f"{len(raw)} bytes for {size} bits")
            bits = np.unpackbits(np.frombuffer(raw, dtype=np.uint8), count=size, bitorder="little")
            return bits.astype(bool).reshape(shape)
        return np.frombuffer(raw, dtype=DTYPES[dtype]).reshape(shape)
    except (KeyError, ValueError) as error:
        raise InvalidJob(f"{name} does not have the data of its shape and dtype.") from error


def encode_bools(values: NDArray[Any]) -> dict[str, Any]:
    """Encode zeros and ones as a boolean tensor of the executor."""
    packed = np.packbits(values.reshape(-1), bitorder="little").tobytes()
    return {"data": _compressed(packed), "shape": list(values.shape), "dtype": "bool"}


def encode_tensor(values: NDArray[Any]) -> dict[str, Any]:
    """Encode an array as a tensor of the executor."""
    if values.dtype == np.bool_:
        return encode_bools(values)
    for name, dtype in DTYPES.items():
        if values.dtype == dtype:
            return {
                "data": _compressed(values.astype(dtype).tobytes()),
                "shape": list(values.shape),
                "dtype": name,
            }
    raise TypeError(f"tensors of {values.dtype} cannot be encoded")


def encode_array(values: NDArray[Any]) -> dict[str, Any]:
    """Encode an array for the client's RuntimeDecoder: NumPy's file format, compressed."""
    dtype = np.lib.format.dtype_to_descr(values.dtype)
    # The output of numpy.save, but faster: version 1.0, header padded to a multiple of 64.
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {values.shape!r}, }}".encode("latin1")
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    data = b"".join((b"\x93NUMPY\x01\x00", struct.pack("<H", len(header)), header, values.tobytes()))
    return {"__type__": "ndarray", "__value__": _compressed(data)}


def _compressed(data: bytes) -> str:
    return binascii.b2a_base64(zlib.compress(data, COMPRESSION), newline=False).decode("ascii")


def dumps(value: object) -> bytes:
    """Encode JSON."""
    return orjson.dumps(value)
