"""Quantum building blocks that several algorithms share."""
