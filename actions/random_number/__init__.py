"""Random numbers from measured qubits (Herrero-Collantes and Garcia-Escartin, arXiv:1604.03304), without bias
(von Neumann, "Various techniques used in connection with random digits", 1951).
"""

from .algorithm import algorithm

main = algorithm.main
