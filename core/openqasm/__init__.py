"""OpenQASM 3 as circuits in which none of the program's own gates is confused with a library's."""

from core.openqasm.importer import Imported, convert
from core.openqasm.names import PREFIX, OwnNames

__all__ = ["PREFIX", "Imported", "OwnNames", "convert"]
