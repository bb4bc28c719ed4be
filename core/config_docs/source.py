"""Selects the source of the config documents from the environment."""

from __future__ import annotations

from pathlib import Path

from core import settings
from core.config_docs.cloudant import CloudantSource
from core.config_docs.folder import FolderSource
from core.config_docs.registry import Documents
from core.errors import SettingsError


def from_env(env: settings.Source) -> Documents:
    """Return the documents of `CLOUDANT_URL` or `CONFIG_FOLDER`, and start to follow their changes."""
    if env.get("CLOUDANT_URL"):
        documents = Documents(CloudantSource(env))
    else:
        folder = Path(settings.text(env, "CONFIG_FOLDER"))
        if not folder.is_dir():
            raise SettingsError(f"CONFIG_FOLDER is not a folder: {folder}", variable="CONFIG_FOLDER")
        documents = Documents(FolderSource(folder))
    documents.follow()
    return documents
