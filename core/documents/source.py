"""Which source the environment names."""

from __future__ import annotations

from pathlib import Path

from core import settings
from core.documents.cloudant import CloudantSource
from core.documents.documents import Documents
from core.documents.folder import FolderSource
from core.errors import SettingsError


def from_env(env: settings.Source) -> Documents:
    """The documents of `CLOUDANT_URL`, or of the folder `CONFIG_FOLDER`, followed from now on."""
    if env.get("CLOUDANT_URL"):
        found = Documents(CloudantSource(env))
    else:
        folder = Path(settings.text(env, "CONFIG_FOLDER"))
        if not folder.is_dir():
            raise SettingsError(f"CONFIG_FOLDER is not a folder: {folder}", variable="CONFIG_FOLDER")
        found = Documents(FolderSource(folder))
    found.follow()
    return found
