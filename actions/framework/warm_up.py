"""Imports and the first use of the transpiler that all algorithms need; the fork server does them once."""

from __future__ import annotations

import importlib

#: What algorithms import, or their first transpilation does.
MODULES = (
    "actions.framework.algorithm",
    "qiskit.circuit.library",
    "qiskit.quantum_info",
    "qiskit.transpiler.passes.synthesis.hls_plugins",
    "qiskit.transpiler.preset_passmanagers.builtin_plugins",
    "qiskit_ibm_runtime.transpiler.plugin",
)


def warm_up() -> None:
    """Import what algorithms import, and make a pass manager: the first one takes 50 ms to find its plugins.

    The pass manager is of level 1 only. Higher levels start threads, and a process with threads cannot fork.
    """
    for name in MODULES:
        importlib.import_module(name)
    from qiskit.transpiler import CouplingMap, Target, generate_preset_pass_manager

    target = Target.from_configuration(["cx", "rz", "sx", "x", "measure"], 2, CouplingMap.from_line(2))
    generate_preset_pass_manager(optimization_level=1, target=target)
