"""Selects the source of the config documents from the environment."""

from __future__ import annotations

from pathlib import Path

from core.config_docs.cloudant import CloudantSource
from core.config_docs.folder import FolderSource
from core.config_docs.registry import Documents, DocumentSource
from core.settings import Source
from core.settings.stores import CLOUDANT_URL, CONFIG_FOLDER


def from_env(env: Source) -> Documents:
    """Return the documents of `CLOUDANT_URL` or `CONFIG_FOLDER`, and start to follow their changes."""
    documents = Documents(source_of(env))
    documents.follow()
    return documents


def source_of(env: Source) -> DocumentSource:
    """Return the source that the environment names: a database has precedence over a folder.

    Raises:
        SettingsError: a variable is missing or wrong, or there is no such folder.
    """
    if CLOUDANT_URL.is_set(env):
        return CloudantSource(env)
    folder = Path(CONFIG_FOLDER.read(env))
    if not folder.is_dir():
        raise CONFIG_FOLDER.error(f"is not a folder: {folder}")
    return FolderSource(folder)
