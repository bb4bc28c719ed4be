"""Config documents in IBM Cloudant or Apache CouchDB."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from typing import Any, cast

from core.config_docs.bounds import MAX_DOCUMENT_BYTES, MAX_DOCUMENTS, left_out, too_large
from core.errors import DocumentError
from core.settings import Source
from core.settings.stores import (
    CLOUDANT_APIKEY,
    CLOUDANT_DATABASE,
    CLOUDANT_PASSWORD,
    CLOUDANT_URL,
    CLOUDANT_USERNAME,
)

#: Seconds that a request to the database may take.
DATABASE_TIMEOUT = 5.0
#: Seconds that a long poll may take beyond its own timeout.
LONG_POLL_MARGIN = 5.0

#: Names in one page of the list of documents.
PAGE = 1_000
#: Documents in one request, and bytes of its response.
BATCH, BATCH_BYTES = 100, 8 * 1024 * 1024

#: A document, or the reason why it cannot be used.
Entry = Mapping[str, Any] | DocumentError


def connect(env: Source) -> Any:
    """Return IBM's client for the database that the environment names. It sends no request yet."""
    # Imported here: the import takes 0.3 s, which a process with a folder does not need.
    from ibm_cloud_sdk_core.authenticators import (
        BasicAuthenticator,
        IAMAuthenticator,
        NoAuthAuthenticator,
    )
    from ibmcloudant.cloudant_v1 import CloudantV1

    if CLOUDANT_APIKEY.is_set(env):
        authenticator = IAMAuthenticator(CLOUDANT_APIKEY.read(env))
    elif CLOUDANT_USERNAME.is_set(env):
        authenticator = BasicAuthenticator(CLOUDANT_USERNAME.read(env), CLOUDANT_PASSWORD.require(env))
    else:
        authenticator = NoAuthAuthenticator()
    client = CloudantV1(authenticator=authenticator)
    client.set_service_url(CLOUDANT_URL.require(env))
    client.set_http_config({"timeout": DATABASE_TIMEOUT})
    return client


class CloudantSource:
    """The config database in IBM Cloudant or CouchDB, through IBM's SDK."""

    def __init__(self, env: Source) -> None:
        self._database = CLOUDANT_DATABASE.read(env)
        self._client = connect(env)
        #: The sequence of the last change that was read.
        self._since: Any = None
        #: Each document by its name, with its revision.
        self._documents: dict[str, tuple[str, Entry]] = {}

    def read(self) -> dict[str, Entry]:
        """Return all documents."""
        # Requested before the documents: the next wait returns at once if one changes meanwhile.
        last = self._client.post_changes(db=self._database, since="now", limit=1).get_result()["last_seq"]
        revisions, count = self._revisions()
        known = {
            name: self._documents[name]
            for name, revision in revisions.items()
            if name in self._documents and self._documents[name][0] == revision
        }
        changed = [name for name in revisions if name not in known]
        for start in range(0, len(changed), BATCH):
            batch = {name: revisions[name] for name in changed[start : start + BATCH]}
            for name, entry in self._batch(batch).items():
                known[name] = (batch[name], entry)
        # In order of names, so that of two documents with the same `_id` always the same one is used.
        self._documents = {name: known[name] for name in revisions}
        self._since = last
        entries = {name: entry for name, (_, entry) in self._documents.items()}
        return entries | left_out(count - len(revisions), "database")

    def _revisions(self) -> tuple[dict[str, str], int]:
        """Return the revision of each document by its name, up to `MAX_DOCUMENTS`, and the total number."""
        revisions: dict[str, str] = {}
        designs = 0
        start: dict[str, str] = {}
        while len(revisions) < MAX_DOCUMENTS:
            listed = self._client.post_all_docs(db=self._database, limit=PAGE, **start).get_result()
            rows = listed["rows"]
            designs += sum(row["id"].startswith("_") for row in rows)
            revisions |= {row["id"]: row["value"]["rev"] for row in rows if not row["id"].startswith("_")}
            if len(rows) < PAGE:
                return dict(list(revisions.items())[:MAX_DOCUMENTS]), len(revisions)
            # The smallest name after the last one: a page that starts with `skip` may miss a document when
            # the last one is deleted meanwhile.
            start = {"start_key": rows[-1]["id"] + "\0"}
        return dict(list(revisions.items())[:MAX_DOCUMENTS]), listed["total_rows"] - designs

    def _batch(self, revisions: Mapping[str, str]) -> dict[str, Entry]:
        """Return documents, read in one request, or one by one if they are too large for it or unreadable."""
        answer = self._client.post_all_docs_as_stream(
            db=self._database, keys=list(revisions), include_docs=True
        ).get_result()
        with closing(answer):
            data = answer.raw.read(BATCH_BYTES + 1, decode_content=True)
        if len(data) <= BATCH_BYTES:
            try:
                rows = [row for row in json.loads(data)["rows"] if row.get("doc")]
                if {row["id"]: row["value"]["rev"] for row in rows} == revisions:
                    return {row["id"]: _bounded(row["id"], row["doc"]) for row in rows}
            except (ValueError, RecursionError, KeyError, TypeError):
                pass
        # One document that cannot be read must not hide the others.
        return {name: self._document(name, revision) for name, revision in revisions.items()}

    def _document(self, name: str, revision: str) -> Entry:
        answer = self._client.get_document_as_stream(
            db=self._database, doc_id=name, rev=revision
        ).get_result()
        with closing(answer):
            data = answer.raw.read(MAX_DOCUMENT_BYTES + 1, decode_content=True)
        if len(data) > MAX_DOCUMENT_BYTES:
            return too_large(name[:100])
        try:
            document = json.loads(data)
        except (ValueError, RecursionError) as error:
            return DocumentError(f"Config document {name[:100]} cannot be read: {str(error)[:200]}")
        return cast(Mapping[str, Any], document)

    def wait(self, timeout: float) -> None:
        """Wait until something has changed since `read`, at most `timeout` seconds."""
        if self._since is None:
            # The database could not be read yet: there is no change to wait for.
            return
        self._client.set_http_config({"timeout": timeout + LONG_POLL_MARGIN})
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


def _bounded(name: str, document: Mapping[str, Any]) -> Entry:
    return document if len(json.dumps(document)) <= MAX_DOCUMENT_BYTES else too_large(name[:100])
