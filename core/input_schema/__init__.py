"""The JSON Schema of a function's input: bounded when it is read, linear in the size of the checked value."""

from core.input_schema.compiled import InputSchema, Mismatch, check_schema
from core.input_schema.nodes import MAX_DEPTH, SchemaError
from core.input_schema.work import TooMuchWorkError

__all__ = ["MAX_DEPTH", "InputSchema", "Mismatch", "SchemaError", "TooMuchWorkError", "check_schema"]
