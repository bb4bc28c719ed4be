"""The config documents in the repository, completed with OpenWhisk's address."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

#: In a document's address, what OpenWhisk's address replaces.
APIHOST_PLACEHOLDER = "{WHISK_APIHOST}"

_ACTIONS = Path(__file__).resolve().parents[1] / "actions"


def shipped_documents(apihost: str, actions: Path = _ACTIONS) -> dict[str, dict[str, Any]]:
    """Return the config document of every algorithm by its id.

    Args:
        apihost: OpenWhisk's address, as the gateway and the poller reach it.
        actions: folder with the algorithms' folders.
    """
    documents = {}
    for path in sorted(actions.glob("*/document.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        url = str(document.get("functionBackendUrl"))
        document["functionBackendUrl"] = url.replace(APIHOST_PLACEHOLDER, apihost)
        documents[document["_id"]] = document
    return documents
