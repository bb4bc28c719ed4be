"""Quantum phase estimation (Kitaev, quant-ph/9511026), also with a single reused qubit."""

from .algorithm import algorithm

main = algorithm.main
