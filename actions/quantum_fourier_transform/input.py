"""The caller's state, which is transformed."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from qiskit import QuantumCircuit

from actions.framework.input import ActionInput
from actions.quantum_fourier_transform.circuit import basis, general, periodic
from actions.quantum_fourier_transform.state import State, normalise

#: Maximum number of qubits of a basis state or a periodic one.
MAX_QUBITS = 8
#: Maximum number of amplitudes; a general state of n qubits takes about 2^n two-qubit gates to prepare.
MAX_AMPLITUDES = 64

Part = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class FourierInput(ActionInput):
    """A state, and the direction of its transform."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"state": {"const": "amplitudes"}}, "required": ["state"]},
            "then": {"properties": {"amplitudes": {"type": "array"}}, "required": ["amplitudes"]},
            "else": {
                "properties": {"amplitudes": {"type": "null"}, "imaginary_parts": {"type": "null"}},
            },
        }
    )

    state: Literal["periodic", "basis", "amplitudes"] = Field(
        title="State",
        description="A periodic state, a basis state (one number), or your amplitudes.",
        examples=["periodic"],
    )
    qubits: int = Field(
        default=4,
        ge=1,
        le=MAX_QUBITS,
        title="Qubits",
        description="Periodic or basis state: number of qubits. The number of amplitudes defines its own.",
    )
    period: int = Field(
        default=4,
        ge=1,
        le=2**MAX_QUBITS,
        title="Period",
        description="Periodic state: the distance of its numbers, at most 2^qubits.",
    )
    offset: int = Field(
        default=0,
        ge=0,
        lt=2**MAX_QUBITS,
        title="Offset",
        description="Periodic state: its first number, less than the period.",
    )
    value: int = Field(
        default=1,
        ge=0,
        lt=2**MAX_QUBITS,
        title="Value",
        description="Basis state: its number, less than 2^qubits.",
    )
    amplitudes: list[Part] | None = Field(
        default=None,
        min_length=2,
        max_length=MAX_AMPLITUDES,
        title="Amplitudes",
        description="Only for the state amplitudes: 2 to 64 numbers, the real parts. They are normalised, "
        "and filled up with zeros to a power of two.",
        examples=[[1.0, 0.0, -1.0, 0.0]],
        json_schema_extra={"x-control": "list"},
        validate_default=True,
    )
    imaginary_parts: list[Part] | None = Field(
        default=None,
        min_length=2,
        max_length=MAX_AMPLITUDES,
        title="Imaginary parts",
        description="Only for the state amplitudes: as many imaginary parts; zero by default.",
        examples=[[0.0, 1.0, 0.0, -1.0]],
        json_schema_extra={"x-control": "list"},
        validate_default=True,
    )
    inverse: bool = Field(default=False, title="Inverse", description="Do the inverse transform instead.")

    @field_validator("period", "offset", "value")
    @classmethod
    def _in_range(cls, number: int, info: ValidationInfo) -> int:
        kind, qubits = info.data.get("state"), info.data.get("qubits")
        if qubits is None:
            return number  # qubits is invalid and has its own error
        if kind == "periodic" and info.field_name == "period" and number > 2**qubits:
            raise ValueError(f"is over {2**qubits}, all that {qubits} qubits hold; lower it, or raise qubits")
        if kind == "periodic" and info.field_name == "offset" and number >= info.data.get("period", 257):
            raise ValueError("is not less than the period; lower it, or raise period")
        if kind == "basis" and info.field_name == "value" and number >= 2**qubits:
            raise ValueError(
                f"is over {2**qubits - 1}, the last of {qubits} qubits; lower it, or raise qubits"
            )
        return number

    @field_validator("amplitudes", "imaginary_parts")
    @classmethod
    def _belong(cls, parts: list[float] | None, info: ValidationInfo) -> list[float] | None:
        kind, real = info.data.get("state"), info.data.get("amplitudes")
        if parts is not None and kind in ("periodic", "basis"):
            raise ValueError(f"does not go with state {kind}; leave it out, or set state to amplitudes")
        if kind != "amplitudes":
            return parts
        if info.field_name == "amplitudes":
            if parts is None:
                raise ValueError("is missing; give the state's amplitudes, such as [1, 0, 0, 1]")
        elif real is not None:
            if parts is not None and len(parts) != len(real):
                raise ValueError(
                    f"has {len(parts)} numbers, and amplitudes has {len(real)}; make them as many"
                )
            if not any(real) and not any(parts or []):
                raise ValueError(
                    "and amplitudes are all zero, which is no state; make one of them another number"
                )
        return parts

    @cached_property
    def given(self) -> State:
        """The amplitudes of the state."""
        if self.state == "amplitudes":
            return normalise(self.amplitudes or [], self.imaginary_parts)
        amplitudes = np.zeros(2**self.qubits)
        if self.state == "basis":
            amplitudes[self.value] = 1.0
        else:
            amplitudes[self.offset :: self.period] = 1.0
        return State((amplitudes / np.linalg.norm(amplitudes)).astype(complex), "")

    @property
    def preparation(self) -> QuantumCircuit:
        """The circuit that prepares the state."""
        if self.state == "basis":
            return basis(self.value, self.qubits)
        if self.state == "periodic":
            return periodic(self.period, self.offset, self.qubits)
        return general(self.given.amplitudes)
