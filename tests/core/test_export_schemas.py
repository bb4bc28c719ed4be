"""The JSON Schemas in docs/schemas are those of the models."""

from __future__ import annotations

import pytest

from tools.export_schemas import FOLDER, MODELS, text


@pytest.mark.parametrize("name", MODELS)
def test_schema_is_not_stale(name: str) -> None:
    written = (FOLDER / f"{name}.json").read_text()
    assert written == text(MODELS[name]), "run `make documents` and commit what it wrote"
