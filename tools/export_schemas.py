"""`python -m tools.export_schemas`: write the JSON Schemas of the messages between parts, and of the job that
clients see, to docs/schemas.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from core.config_docs.model import ConfigDocument
from core.protocol import BackendList, JobEvent, PublicJob, ResultEvent

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "schemas"
MODELS: dict[str, type[BaseModel]] = {
    "config_document": ConfigDocument,
    "job_event": JobEvent,
    "result_event": ResultEvent,
    "backend_list": BackendList,
    "job": PublicJob,
}


def text(model: type[BaseModel]) -> str:
    """Return the model's JSON Schema as the repository has it."""
    return json.dumps(model.model_json_schema(by_alias=True), indent=2) + "\n"


def main() -> None:
    """Write all schemas."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, model in MODELS.items():
        (FOLDER / f"{name}.json").write_text(text(model), encoding="utf-8")


if __name__ == "__main__":
    main()
