"""Quantum building blocks that several algorithms use."""
