"""Quantum teleportation (Bennett et al., Physical Review Letters 70, 1895, 1993)."""

from .algorithm import algorithm

main = algorithm.main
