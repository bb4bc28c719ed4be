"""Which source the environment names."""

from __future__ import annotations

from pathlib import Path

from core import settings
from core.config_docs.cloudant import CloudantSource
from core.config_docs.folder import FolderSource
from core.config_docs.registry import Documents
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
