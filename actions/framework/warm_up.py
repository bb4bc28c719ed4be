"""Imports and the first use of the transpiler, which the fork server does once for all algorithms."""

from __future__ import annotations

import importlib

#: Modules that algorithms import, or that their first transpilation imports.
MODULES = (
    "actions.framework.algorithm",
    "qiskit.circuit.library",
    "qiskit.quantum_info",
    "qiskit.transpiler.passes.synthesis.hls_plugins",
    "qiskit.transpiler.preset_passmanagers.builtin_plugins",
    "qiskit_ibm_runtime.transpiler.plugin",
)


def warm_up() -> None:
    """Import these modules and create a pass manager, the first of which needs 50 ms to find its plugins.

    The pass manager has level 1. Higher levels start threads, and a process with threads cannot fork.
    """
    for name in MODULES:
        importlib.import_module(name)
    from qiskit.transpiler import CouplingMap, Target, generate_preset_pass_manager

    target = Target.from_configuration(["cx", "rz", "sx", "x", "measure"], 2, CouplingMap.from_line(2))
    generate_preset_pass_manager(optimization_level=1, target=target)
