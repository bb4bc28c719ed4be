"""Jobs on disk, in SQLite, so that they are kept when the service ends or is killed.

All writes of one iteration of the event loop form one transaction (group commit). With the write-ahead log
SQLite's commit is one write to a file, which is kept if the process is killed; only a crash of the machine
may lose the latest writes. Moving the log into the database waits for the disk, so a thread does it.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from .errors import DatabaseError

logger = logging.getLogger(__name__)

#: The version of the layout below. A file with another layout is rejected.
LAYOUT = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, created REAL, final INTEGER, fields BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bodies (id TEXT PRIMARY KEY, data BLOB);
CREATE TABLE IF NOT EXISTS results (id TEXT PRIMARY KEY, data BLOB);
CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, created REAL, fields BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
"""
#: Bytes of the write-ahead log at which it is moved into the database.
LOG_BYTES = 4 * 1024 * 1024

Statement = tuple[str, tuple[Any, ...]]


class Database:
    """The database of one service.

    Args:
        path: Its file; created if it does not exist.

    Raises:
        DatabaseError: If it cannot be used, or another service is using it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pending: list[Statement] = []
        self._committed: asyncio.Future[None] | None = None
        self._checkpoint: asyncio.Task[None] | None = None
        self._written = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Other users must not read circuits and results.
            self._lock = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR, 0o600)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise DatabaseError(f"cannot make {error.filename}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise DatabaseError(f"{path} is used by another service") from error
        try:
            self._connection = self._open()
        except sqlite3.Error as error:
            os.close(self._lock)
            raise DatabaseError(f"{path} cannot be used: {error}") from error

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)

    def _open(self) -> sqlite3.Connection:
        connection = self._connect()
        layout = connection.execute("PRAGMA user_version").fetchone()[0]
        if layout not in (0, LAYOUT):
            raise sqlite3.DatabaseError(
                f"it has layout {layout}, and this version of the service uses {LAYOUT}"
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(f"PRAGMA journal_size_limit = {4 * LOG_BYTES}")
        connection.executescript(SCHEMA)
        connection.execute(f"PRAGMA user_version = {LAYOUT}")
        return connection

    def close(self) -> None:
        """Write what is pending, and close the file."""
        self._flush()
        self._connection.close()
        os.close(self._lock)

    async def wait_for_checkpoint(self) -> None:
        """Wait for work in other threads."""
        if self._checkpoint is not None:
            await asyncio.gather(self._checkpoint, return_exceptions=True)

    def jobs(self) -> Iterator[tuple[dict[str, Any], bytes | None]]:
        """Return all jobs in order of their creation: their fields, and the bodies of the unfinished ones."""
        rows = self._connection.execute(
            "SELECT fields, data FROM jobs LEFT JOIN bodies ON bodies.id = jobs.id AND final = 0"
            " ORDER BY created"
        )
        return ((orjson.loads(fields), body) for fields, body in rows)

    def sessions(self) -> list[dict[str, Any]]:
        """Return all sessions in order of their creation."""
        rows = self._connection.execute("SELECT fields FROM sessions ORDER BY created")
        return [orjson.loads(fields) for (fields,) in rows]

    def fact(self, name: str) -> Any:
        """Return a stored value by its name; None if there is none."""
        row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else orjson.loads(row[0])

    def body(self, job_id: str) -> bytes | None:
        """Return the request that submitted a job."""
        return self._blob("SELECT data FROM bodies WHERE id = ?", job_id)

    def result(self, job_id: str) -> bytes | None:
        """Return a job's result."""
        return self._blob("SELECT data FROM results WHERE id = ?", job_id)

    def _blob(self, query: str, job_id: str) -> bytes | None:
        self._flush()
        row = self._connection.execute(query, (job_id,)).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, table: str, key: str, *values: Any) -> asyncio.Future[None]:
        """Write a row; the future is done when it is committed, or fails with `DatabaseError`."""
        marks = ", ?" * len(values)
        return self._execute(f"INSERT OR REPLACE INTO {table} VALUES (?{marks})", (key, *values))  # noqa: S608

    def remember(self, name: str, value: object) -> asyncio.Future[None]:
        """Store a value by its name."""
        return self.put("facts", name, orjson.dumps(value))

    def forget(self, table: str, key: str) -> asyncio.Future[None]:
        """Remove a row."""
        return self._execute(f"DELETE FROM {table} WHERE id = ?", (key,))  # noqa: S608

    def _execute(self, statement: str, values: tuple[Any, ...]) -> asyncio.Future[None]:
        self._pending.append((statement, values))
        if self._committed is None:
            loop = asyncio.get_running_loop()
            self._committed = loop.create_future()
            loop.call_soon(self._flush)
        return self._committed

    def _flush(self) -> None:
        if not self._pending:
            return
        pending, committed = self._pending, self._committed
        self._pending, self._committed = [], None
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for statement, values in pending:
                self._connection.execute(statement, values)
                self._written += sum(len(value) for value in values if isinstance(value, bytes)) + 512
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            logger.error("%s cannot be written: %s", self.path, error)
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if committed is not None and not committed.done():
                committed.set_exception(DatabaseError(f"The service's database cannot be written: {error}."))
                # Mark the error as handled, since not every write is awaited. Those that are raise it.
                committed.exception()
            return
        if committed is not None and not committed.done():
            committed.set_result(None)
        if self._written > LOG_BYTES and (self._checkpoint is None or self._checkpoint.done()):
            self._written = 0
            self._checkpoint = asyncio.get_running_loop().create_task(asyncio.to_thread(self._move_log))

    def _move_log(self) -> None:
        try:
            connection = self._connect()
            try:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            finally:
                connection.close()
        except sqlite3.Error as error:
            logger.warning("%s: the log stays: %s", self.path, error)
