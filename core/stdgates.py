"""The gates of `stdgates.inc`, for programs that hold the file's text instead of including it.

The file (OpenQASM 3.1) takes `U` for another matrix than Qiskit and its exporter do: they differ by a phase,
which matters under a control. So its `x` would not be Qiskit's, and its `cx` not a CNOT.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

import openqasm3
from openqasm3 import ast


def defines(node: ast.QuantumGateDefinition, known: Collection[str]) -> bool:
    """Tell whether a definition is the one of the file; names of parameters and qubits do not matter.

    Args:
        node: the definition.
        known: names of the gates that are the standard ones where it stands.
    """
    calls = {step.name.name for step in node.body if isinstance(step, ast.QuantumGate)}
    return calls <= set(known) and _file().get(node.name.name) == _shape_of(node)


@lru_cache(maxsize=1)
def _file() -> dict[str, Any]:
    text = (files("qiskit.qasm.libs") / "stdgates.inc").read_text(encoding="utf-8")
    found = (one for one in openqasm3.parse(text).statements if isinstance(one, ast.QuantumGateDefinition))
    return {one.name.name: _shape_of(one) for one in found}


def _shape_of(node: ast.QuantumGateDefinition) -> Any:
    formal = [*node.arguments, *node.qubits]
    names = {"π": "pi"} | {one.name: f"{place}" for place, one in enumerate(formal)}
    return len(node.arguments), len(node.qubits), _shape(node.body, names)


def _shape(node: Any, names: Mapping[str, str]) -> Any:
    """Return what a part of a syntax tree says, without the places in the text."""
    if isinstance(node, ast.Identifier):
        return names.get(node.name, node.name)
    if isinstance(node, list):
        return [_shape(part, names) for part in node]
    if isinstance(node, ast.QASMNode):
        fields = [one.name for one in dataclasses.fields(node) if one.name != "span"]
        return type(node), [_shape(getattr(node, name), names) for name in fields]
    return node
