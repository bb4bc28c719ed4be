"""Where config documents come from: a folder of JSON files, or a Cloudant / CouchDB database."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from core import settings
from core.config_document import ConfigDocument, parse
from core.errors import DocumentError, NotFoundError, SettingsError

log = logging.getLogger(__name__)

#: Bytes of one document; a larger file is a mistake.
MAX_DOCUMENT_BYTES = 256 * 1024
#: Documents of one source; more is a mistake.
MAX_DOCUMENTS = 1_000
#: Seconds for which what was read stays good: a new document is seen this much later at most.
FRESH_SECONDS = 1.0
#: Seconds that a call to the database may take.
DATABASE_TIMEOUT = 5.0


class DocumentSource(Protocol):
    """Gives the raw documents, each with the name to report it by."""

    def read(self) -> dict[str, Mapping[str, Any] | DocumentError]:
        """All documents as they are now; a broken one as the error that says why."""


class FolderSource:
    """`*.json` files of one folder; the name of the file is that of the document."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self) -> dict[str, Mapping[str, Any] | DocumentError]:
        found: dict[str, Mapping[str, Any] | DocumentError] = {}
        # `iterdir` and not `glob`, which takes a folder that is gone for an empty one.
        paths = sorted(path for path in self._folder.iterdir() if path.suffix == ".json")
        for path in paths[:MAX_DOCUMENTS]:
            try:
                found[path.stem] = _load(path)
            except DocumentError as error:
                found[path.stem] = error
        return found


def _load(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise DocumentError(f"Config document {path.name} has over {MAX_DOCUMENT_BYTES} bytes.")
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DocumentError(f"Config document {path.name} cannot be read: {error}") from None
    if not isinstance(raw, dict):
        raise DocumentError(f"Config document {path.name} must be a JSON object.")
    return raw


class CloudantSource:
    """The database `config` of an IBM Cloudant or CouchDB, through IBM's SDK."""

    def __init__(self, env: settings.Source) -> None:
        # Imported here: it costs 0.3 s that a process with a folder need not pay.
        from ibm_cloud_sdk_core.authenticators import (
            BasicAuthenticator,
            IAMAuthenticator,
            NoAuthAuthenticator,
        )
        from ibmcloudant.cloudant_v1 import CloudantV1

        if env.get("CLOUDANT_APIKEY"):
            authenticator = IAMAuthenticator(settings.text(env, "CLOUDANT_APIKEY"))
        elif env.get("CLOUDANT_USERNAME"):
            authenticator = BasicAuthenticator(
                settings.text(env, "CLOUDANT_USERNAME"), settings.text(env, "CLOUDANT_PASSWORD")
            )
        else:
            authenticator = NoAuthAuthenticator()
        self._database = settings.text(env, "CLOUDANT_DATABASE", "config")
        self._client = CloudantV1(authenticator=authenticator)
        self._client.set_service_url(settings.url(env, "CLOUDANT_URL"))
        self._client.set_http_config({"timeout": DATABASE_TIMEOUT})

    def read(self) -> dict[str, Mapping[str, Any] | DocumentError]:
        answer = self._client.post_all_docs(
            db=self._database, include_docs=True, limit=MAX_DOCUMENTS
        ).get_result()
        return {
            row["id"]: row["doc"]
            for row in answer["rows"]
            if not row["id"].startswith("_") and row.get("doc")
        }


class Documents:
    """The functions there are, read anew when what is known is older than `FRESH_SECONDS`.

    A broken document is logged by name, once for each change of what is wrong, and leaves the others
    working. A source that cannot be read leaves what was known.
    """

    def __init__(self, source: DocumentSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._known: dict[str, ConfigDocument] = {}
        self._reported: dict[str, str] = {}
        self._read_at = -FRESH_SECONDS

    def all(self) -> dict[str, ConfigDocument]:
        """Every working document by its id."""
        with self._lock:
            if time.monotonic() - self._read_at >= FRESH_SECONDS:
                self._refresh()
                # Afterwards: a source that takes long to fail must not be asked by every call in turn.
                self._read_at = time.monotonic()
            return self._known

    def get(self, function: str) -> ConfigDocument:
        """The function's document; NotFoundError says which functions there are."""
        known = self.all()
        if function not in known:
            names = ", ".join(sorted(known)[:50]) or "none"
            raise NotFoundError(
                f"There is no function {function[:64]!r}. Functions: {names}.", field="function"
            )
        return known[function]

    def _refresh(self) -> None:
        try:
            raw = self._source.read()
        except Exception as error:  # whatever the database's client raises: what was known stays good
            self._report({"(source)": f"config documents cannot be read: {type(error).__name__}: {error}"})
            return
        known: dict[str, ConfigDocument] = {}
        broken: dict[str, str] = {}
        for name, entry in raw.items():
            try:
                if isinstance(entry, DocumentError):
                    raise entry
                document = parse(entry, name)
                known[document.id] = document
            except DocumentError as error:
                broken[name] = error.message
        self._known = known
        self._report(broken)

    def _report(self, broken: dict[str, str]) -> None:
        for name, message in broken.items():
            if self._reported.get(name) != message:
                log.error("%s", message, extra={"document": name})
        self._reported = broken


def from_env(env: settings.Source) -> Documents:
    """The documents of `CLOUDANT_URL`, or of the folder `CONFIG_FOLDER`."""
    if env.get("CLOUDANT_URL"):
        return Documents(CloudantSource(env))
    folder = Path(settings.text(env, "CONFIG_FOLDER"))
    if not folder.is_dir():
        raise SettingsError(f"CONFIG_FOLDER is not a folder: {folder}", variable="CONFIG_FOLDER")
    return Documents(FolderSource(folder))
