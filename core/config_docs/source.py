"""Selects the source of the config documents from the environment."""

from __future__ import annotations

from pathlib import Path

from core.config_docs.cloudant import CloudantSource
from core.config_docs.folder import FolderSource
from core.config_docs.registry import Documents
from core.settings import Source
from core.settings.stores import CLOUDANT_URL, CONFIG_FOLDER


def from_env(env: Source) -> Documents:
    """Return the documents of `CLOUDANT_URL` or `CONFIG_FOLDER`, and start to follow their changes."""
    if CLOUDANT_URL.is_set(env):
        documents = Documents(CloudantSource(env))
    else:
        folder = Path(CONFIG_FOLDER.read(env))
        if not folder.is_dir():
            raise CONFIG_FOLDER.error(f"is not a folder: {folder}")
        documents = Documents(FolderSource(folder))
    documents.follow()
    return documents
