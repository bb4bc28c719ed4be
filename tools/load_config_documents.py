"""`python -m tools.load_config_documents`: put the config documents of all actions into the database.

The database is created if it does not exist. Documents of other functions, and of removed functions, are not
changed: to remove a function, remove its document.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from ibm_cloud_sdk_core import ApiException
from ibmcloudant.cloudant_v1 import CloudantV1

from core.config_docs.cloudant import connect
from core.config_docs.model import parse
from core.errors import DocumentError, QwhiskError
from core.settings import SettingsTable, Source, command_line
from core.settings.openwhisk import WHISK_APIHOST
from core.settings.stores import CLOUDANT_DATABASE, CLOUDANT_ROWS
from core.shipped_documents import shipped_documents

#: Attempts to write a document that others change at the same time.
ATTEMPTS = 5

EXIT_FAILED = 1

TABLE = SettingsTable(
    "python -m tools.load_config_documents",
    "Loads the config documents of all actions into the database, which is created if it does not exist.",
    (WHISK_APIHOST, *CLOUDANT_ROWS),
)


def valid_documents(apihost: str) -> list[dict[str, Any]]:
    """Return the documents of all actions.

    Raises:
        DocumentError: a gateway would reject one of them.
    """
    documents = shipped_documents(apihost)
    for name, document in documents.items():
        parse(document, name)
    return list(documents.values())


def load(client: CloudantV1, name: str, documents: Iterable[dict[str, Any]]) -> list[str]:
    """Write the documents into a database.

    Args:
        client: the connection.
        name: the database.
        documents: the documents.

    Returns:
        A line for each document: its id, and whether it was added, updated or unchanged.
    """
    if name not in client.get_all_dbs().get_result():
        client.put_database(db=name)
    return [f"{document['_id']}: {_put(client, name, document)}" for document in documents]


def _put(client: CloudantV1, name: str, document: dict[str, Any]) -> str:
    for _ in range(ATTEMPTS):
        try:
            known = client.get_document(db=name, doc_id=document["_id"]).get_result()
        except ApiException as error:
            if error.status_code != 404:
                raise
            known = {}
        revision = known.pop("_rev", None)
        if known == document:
            return "unchanged"
        revised = document | ({"_rev": revision} if revision else {})
        try:
            client.put_document(db=name, doc_id=document["_id"], document=revised)
        except ApiException as error:
            if error.status_code != 409:
                raise
            continue
        return "updated" if revision else "added"
    raise DocumentError(
        f"Config document {document['_id']} was changed by others at every attempt. Try again."
    )


def main(env: Source) -> int:
    """Load all documents; return the exit code."""
    try:
        apihost = WHISK_APIHOST.read(env)
        for line in load(connect(env), CLOUDANT_DATABASE.read(env), valid_documents(apihost)):
            print(line)
    except QwhiskError as error:
        print(error.message, file=sys.stderr)
        return EXIT_FAILED
    except ApiException as error:
        print(f"The database rejected the request: {error.status_code} {error.message}", file=sys.stderr)
        return EXIT_FAILED
    except OSError as error:
        print(f"The database cannot be reached: {type(error).__name__}", file=sys.stderr)
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(command_line.parse(TABLE, sys.argv[1:], os.environ, dict)))
