"""Config documents in IBM Cloudant or Apache CouchDB."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from core import settings
from core.config_docs.folder import MAX_DOCUMENTS
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

    def read(self) -> dict[str, Mapping[str, Any] | DocumentError]:
        """All documents as they are now."""
        # Asked before they are read: what changes meanwhile is told by the next wait.
        last = self._client.post_changes(db=self._database, since="now", limit=1).get_result()["last_seq"]
        answer = self._client.post_all_docs(
            db=self._database, include_docs=True, limit=MAX_DOCUMENTS
        ).get_result()
        self._since = last
        return {
            row["id"]: row["doc"]
            for row in answer["rows"]
            if not row["id"].startswith("_") and row.get("doc")
        }

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
