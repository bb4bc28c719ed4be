"""The Fourier transform of a quantum state's amplitudes: Coppersmith (1994), and Shor before him."""

from .algorithm import algorithm

main = algorithm.main
