"""Search without order, in the square root of the questions: the algorithm of Grover (1996)."""

from .algorithm import algorithm

main = algorithm.main
