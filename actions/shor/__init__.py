"""Shor's factoring algorithm (quant-ph/9508027) with one reused control qubit."""

from .algorithm import algorithm

main = algorithm.main
