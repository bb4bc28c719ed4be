"""Unstructured search with the square root of the queries: the algorithm of Grover (1996)."""

from .algorithm import algorithm

main = algorithm.main
