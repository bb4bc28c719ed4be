"""The HTTP interface: IBM Quantum's routes, at the root and under /api/v1."""
