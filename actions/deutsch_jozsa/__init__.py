"""Constant or balanced, told by one question: the algorithm of Deutsch and Jozsa (1992)."""

from .algorithm import algorithm

main = algorithm.main
