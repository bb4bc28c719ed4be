"""Where config documents come from: a folder of JSON files, or a Cloudant / CouchDB database."""

from core.documents.documents import Documents
from core.documents.source import from_env

__all__ = ["Documents", "from_env"]
