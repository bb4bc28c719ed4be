"""The Fourier transform of a quantum state's amplitudes: Shor (1994), Coppersmith (1994)."""

from .algorithm import algorithm

main = algorithm.main
