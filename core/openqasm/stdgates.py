"""Recognizes the gates of `stdgates.inc` in programs that contain the file's text instead of including it.

The file (OpenQASM 3.1) defines `U` as another matrix than Qiskit and its exporter do: they differ by a phase,
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
    """Return whether a definition is the one of the file. Names of parameters and qubits do not matter.

    Args:
        node: the definition.
        known: the names of the gates that are the standard ones at this point of the program.
    """
    calls = {step.name.name for step in node.body if isinstance(step, ast.QuantumGate)}
    return calls <= set(known) and _file().get(node.name.name) == _shape_of(node)


@lru_cache(maxsize=1)
def _file() -> dict[str, Any]:
    text = (files("qiskit.qasm.libs") / "stdgates.inc").read_text(encoding="utf-8")
    definitions = (
        statement
        for statement in openqasm3.parse(text).statements
        if isinstance(statement, ast.QuantumGateDefinition)
    )
    return {definition.name.name: _shape_of(definition) for definition in definitions}


def _shape_of(node: ast.QuantumGateDefinition) -> Any:
    formal = [*node.arguments, *node.qubits]
    names = {"π": "pi"} | {parameter.name: f"{place}" for place, parameter in enumerate(formal)}
    return len(node.arguments), len(node.qubits), _shape(node.body, names)


def _shape(node: Any, names: Mapping[str, str]) -> Any:
    """Return the content of a part of a syntax tree, without its positions in the text."""
    if isinstance(node, ast.Identifier):
        return names.get(node.name, node.name)
    if isinstance(node, list):
        return [_shape(part, names) for part in node]
    if isinstance(node, ast.QASMNode):
        fields = [field.name for field in dataclasses.fields(node) if field.name != "span"]
        return type(node), [_shape(getattr(node, name), names) for name in fields]
    return node
