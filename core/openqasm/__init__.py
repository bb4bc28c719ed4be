"""OpenQASM 3 as circuits in which no gate of the program's own can be taken for another."""

from core.openqasm.importer import Imported, convert
from core.openqasm.names import PREFIX, OwnNames

__all__ = ["PREFIX", "Imported", "OwnNames", "convert"]
