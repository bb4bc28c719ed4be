"""Constant or balanced, decided with one query: the algorithm of Deutsch and Jozsa (1992)."""

from .algorithm import algorithm

main = algorithm.main
