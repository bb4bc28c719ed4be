"""How many config documents are read, and how large they may be."""

from __future__ import annotations

from core.errors import DocumentError

#: Documents of one source. A function is one document; a deployment has some dozens.
MAX_DOCUMENTS = 10_000
#: Bytes of one document as JSON; a larger one is a mistake.
MAX_DOCUMENT_BYTES = 256 * 1024


def too_large(name: str) -> DocumentError:
    """Return the error for a document of more than `MAX_DOCUMENT_BYTES`."""
    return DocumentError(
        f"Config document {name} has over {MAX_DOCUMENT_BYTES} bytes. Make it smaller.", document=name
    )


def left_out(count: int, source: str) -> dict[str, DocumentError]:
    """An entry that reports how many documents were not read; empty if none.

    Args:
        count: documents beyond `MAX_DOCUMENTS`.
        source: what has them: "database" or "folder".
    """
    if count <= 0:
        return {}
    message = (
        f"The {source} has {count} more config documents than the {MAX_DOCUMENTS} that are read. These "
        "are left out, the last by name. Remove what is not used."
    )
    return {"(too many)": DocumentError(message)}
