"""Superdense coding (Bennett and Wiesner, Physical Review Letters 69, 2881, 1992)."""

from .algorithm import algorithm

main = algorithm.main
