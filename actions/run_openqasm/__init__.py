"""Runs a program in OpenQASM 2 (arXiv:1707.03429) or 3 (arXiv:2104.14722)."""

from .algorithm import algorithm

main = algorithm.main
