"""Quantum algorithms, each a standalone OpenWhisk action in a folder of its own."""
