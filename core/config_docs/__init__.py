"""The config documents of the functions, from a folder of JSON files or a Cloudant / CouchDB database."""

from core.config_docs.registry import Documents
from core.config_docs.source import from_env

__all__ = ["Documents", "from_env"]
