"""Config documents in IBM Cloudant or Apache CouchDB."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import closing
from typing import Any, cast

from core import settings
from core.config_docs.folder import MAX_DOCUMENTS
from core.config_docs.model import MAX_DOCUMENT_BYTES
from core.errors import DocumentError, SettingsError

#: Seconds that a call to the database may take.
DATABASE_TIMEOUT = 5.0
#: Seconds that a call may take beyond the time for which it was asked to wait.
PATIENCE = 5.0

_NAME = re.compile(r"[a-z][a-z0-9_$()+/-]{0,237}")


def connect(env: settings.Source) -> Any:
    """IBM's client for the database that the environment names; it is not asked anything yet."""
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
    client = CloudantV1(authenticator=authenticator)
    client.set_service_url(settings.url(env, "CLOUDANT_URL"))
    client.set_http_config({"timeout": DATABASE_TIMEOUT})
    return client


def database(env: settings.Source) -> str:
    """The name of the database; SettingsError if it is none that CouchDB takes."""
    name = settings.text(env, "CLOUDANT_DATABASE", "config")
    if not _NAME.fullmatch(name):
        raise SettingsError(
            "CLOUDANT_DATABASE must begin with a small letter and go on with small letters, digits and "
            f"_ - $ ( ) + /, not {name[:64]!r}.",
            variable="CLOUDANT_DATABASE",
        )
    return name


class CloudantSource:
    """The database `config` of an IBM Cloudant or CouchDB, through IBM's SDK."""

    def __init__(self, env: settings.Source) -> None:
        self._database = database(env)
        self._client = connect(env)
        #: How far the changes are known.
        self._since: Any = None
        #: Each document by its name, with its revision.
        self._found: dict[str, tuple[str, Mapping[str, Any] | DocumentError]] = {}

    def read(self) -> dict[str, Mapping[str, Any] | DocumentError]:
        """All documents as they are now."""
        # Asked before they are read: what changes meanwhile is told by the next wait.
        last = self._client.post_changes(db=self._database, since="now", limit=1).get_result()["last_seq"]
        listed = self._client.post_all_docs(db=self._database, limit=MAX_DOCUMENTS).get_result()
        revisions = {
            row["id"]: row["value"]["rev"] for row in listed["rows"] if not row["id"].startswith("_")
        }
        # Each on its own: one that cannot be read must not hide the others.
        self._found = {
            name: before
            if (before := self._found.get(name)) and before[0] == revision
            else (revision, self._document(name, revision))
            for name, revision in revisions.items()
        }
        self._since = last
        return {name: document for name, (_, document) in self._found.items()}

    def _document(self, name: str, revision: str) -> Mapping[str, Any] | DocumentError:
        answer = self._client.get_document_as_stream(
            db=self._database, doc_id=name, rev=revision
        ).get_result()
        with closing(answer):
            data = answer.raw.read(MAX_DOCUMENT_BYTES + 1, decode_content=True)
        if len(data) > MAX_DOCUMENT_BYTES:
            return DocumentError(
                f"Config document {name[:100]} has over {MAX_DOCUMENT_BYTES} bytes. Make it smaller."
            )
        try:
            found = json.loads(data)
        except (ValueError, RecursionError) as error:
            return DocumentError(f"Config document {name[:100]} cannot be read: {str(error)[:200]}")
        return cast(Mapping[str, Any], found)

    def wait(self, timeout: float) -> None:
        """Return when something has changed since `read`, or after `timeout` seconds."""
        if self._since is None:
            # It could not be read so far: there is nothing to wait for but the next attempt.
            return
        self._client.set_http_config({"timeout": timeout + PATIENCE})
        try:
            self._client.post_changes(
                db=self._database,
                feed="longpoll",
                since=str(self._since),
                limit=1,
                timeout=int(timeout * 1000),
            )
        finally:
            self._client.set_http_config({"timeout": DATABASE_TIMEOUT})
