"""Entities in a folder, one JSON file each, so that they are kept when the server ends."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import orjson

from local.openwhisk.entities import Action, Entity, Package, Rule, Trigger

log = logging.getLogger(__name__)

_KINDS = {kind.collection: kind for kind in (Package, Action, Trigger, Rule)}


class EntityFiles:
    """The files of one folder. Each is written under a temporary name and then renamed.

    Args:
        folder: the folder, which is created if necessary.

    Raises:
        OSError: the folder cannot be created.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        # Only for this user, since parameters may be credentials.
        folder.chmod(0o700)

    def load(self) -> Iterator[Entity]:
        """Return all entities. A file that cannot be read is left in place and logged."""
        for path in sorted(self._folder.glob("*.json")):
            try:
                record = orjson.loads(path.read_bytes())
                yield _KINDS[record.pop("collection")].from_record(record)
            except (OSError, ValueError, TypeError, KeyError, AttributeError) as exc:
                log.error("%s is not read: %s: %s", path, type(exc).__name__, exc)

    def put(self, entity: Entity) -> None:
        """Write an entity."""
        path = self._path(entity)
        temporary = path.with_suffix(".new")
        record = {item.name: getattr(entity, item.name) for item in fields(entity)}
        temporary.write_bytes(orjson.dumps(record | {"collection": entity.collection}))
        temporary.replace(path)

    def delete(self, entity: Entity) -> None:
        """Remove an entity's file."""
        self._path(entity).unlink(missing_ok=True)

    def _path(self, entity: Entity) -> Path:
        # An entity's name may be longer than a file name may be, or differ from another only in case.
        return self._folder / f"{hashlib.sha256(entity.short.encode()).hexdigest()[:40]}.json"
