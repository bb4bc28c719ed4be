"""The functions, by their config documents."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from typing import Any, Protocol

from core.config_docs.model import ConfigDocument, parse
from core.errors import DocumentError, DocumentsUnreadableError, NotFoundError

log = logging.getLogger(__name__)

#: Seconds after which documents are read again even if the source reported no change.
RESYNC = 30.0
#: Seconds between attempts to read a failing source: doubled each time, up to the maximum.
RETRY_FIRST, RETRY_MAX = 0.5, 30.0
#: The most characters of a document's name in messages. Everyone with write access to the database chooses
#: it.
_NAME = 100


class DocumentSource(Protocol):
    """A source of raw documents, each with the name for error messages."""

    def read(self) -> dict[str, Mapping[str, Any] | DocumentError]:
        """Return all documents; for an invalid one, the error."""

    def wait(self, timeout: float) -> None:
        """Wait until something has changed since `read`, at most `timeout` seconds."""


class Documents:
    """The functions, updated as their documents change.

    An invalid document is logged by name, once per error, and does not affect the others. If the source
    cannot be read, the known documents stay. Callers never wait for the source, except in `find`.
    """

    def __init__(self, source: DocumentSource) -> None:
        self._source = source
        self._known: dict[str, ConfigDocument] = {}
        self._reported: dict[str, str] = {}
        #: Each document when it was last read, and the result of parsing it.
        self._read: dict[str, tuple[Mapping[str, Any] | DocumentError, ConfigDocument | DocumentError]] = {}
        self._reading = threading.Lock()
        self._closed = threading.Event()
        self.refresh()

    def follow(self) -> None:
        """Follow changes in a thread that ends with the process, or some time after `close`."""
        threading.Thread(target=self._follow, name="documents", daemon=True).start()

    def close(self) -> None:
        """Stop following changes."""
        self._closed.set()

    def _follow(self) -> None:
        failures = 0
        while not self._closed.is_set():
            # The documents are read after a failed wait too: the database may have been deleted and created
            # again, and does not know the sequence number of the last change.
            waited = self._wait()
            succeeded = self.refresh() and waited
            if not succeeded:
                self._closed.wait(min(RETRY_MAX, RETRY_FIRST * 2.0 ** min(failures, 10)))
            failures = 0 if succeeded else failures + 1

    def _wait(self) -> bool:
        """Wait for a change; False if that failed."""
        try:
            self._source.wait(RESYNC)
        except Exception as error:  # any error of the database's client
            log.info("waiting for a change of the config documents failed: %s", type(error).__name__)
            return False
        return True

    def all(self) -> dict[str, ConfigDocument]:
        """Return every valid document by its id: the same object until a document changes."""
        return self._known

    def get(self, function: str) -> ConfigDocument:
        """Return the function's document.

        Raises:
            NotFoundError: there is no such function. The message lists the functions.
        """
        known = self.all()
        if function not in known:
            names = ", ".join(sorted(known)[:50]) or "none"
            raise NotFoundError(
                f"There is no function {function[:64]!r}. Functions: {names}.", field="function"
            )
        return known[function]

    def find(self, function: str) -> ConfigDocument:
        """Return the function's document. If it is not known, the source is read first, which takes a while.

        Raises:
            NotFoundError: there is no such function.
            DocumentsUnreadableError: the source cannot be read now.
        """
        if function not in self._known and not self.refresh():
            raise DocumentsUnreadableError("The config documents cannot be read now.")
        return self.get(function)

    def refresh(self) -> bool:
        """Read the documents. Return False if that failed; then the known documents stay."""
        with self._reading:
            return self._refresh()

    def _refresh(self) -> bool:
        try:
            raw = self._source.read()
        except Exception as error:  # any error of the database's client
            self._report({"(source)": _unreadable(error)})
            return False
        # An unchanged document is not parsed again: a large schema takes a while.
        self._read = {name: (entry, self._parse(entry, name)) for name, entry in raw.items()}
        known: dict[str, ConfigDocument] = {}
        broken: dict[str, str] = {}
        for name, (_, document) in self._read.items():
            if isinstance(document, DocumentError):
                broken[name] = document.message
            elif document.id in known:
                broken[name] = (
                    f"Config document {name[:_NAME]}: another document has the _id {document.id}. Rename one."
                )
            else:
                known[document.id] = document
        # First, so that who sees the new documents finds what is wrong with the others in the log.
        self._report(broken)
        if known.keys() != self._known.keys() or any(known[name] is not self._known[name] for name in known):
            self._known = known
        return True

    def _parse(self, entry: Mapping[str, Any] | DocumentError, name: str) -> ConfigDocument | DocumentError:
        if isinstance(entry, DocumentError):
            return entry
        before = self._read.get(name)
        try:
            if before is not None and (before[0] is entry or _same(before[0], entry)):
                return before[1]
        except RecursionError:
            return DocumentError(f"Config document {name[:_NAME]} is nested too deep.")
        return _parsed(entry, name)

    def _report(self, broken: dict[str, str]) -> None:
        for name, message in broken.items():
            if self._reported.get(name) != message:
                log.error("%s", message, extra={"document": name[:_NAME]})
        self._reported = broken


def _same(before: Mapping[str, Any] | DocumentError, entry: Mapping[str, Any]) -> bool:
    # The values themselves cannot be compared: 1, 1.0 and true are equal to Python.
    return not isinstance(before, DocumentError) and json.dumps(before) == json.dumps(entry)


def _parsed(entry: Mapping[str, Any], name: str) -> ConfigDocument | DocumentError:
    try:
        return parse(entry, name[:_NAME])
    except DocumentError as error:
        return error


def _unreadable(error: Exception) -> str:
    return f"config documents cannot be read: {type(error).__name__}: {str(error)[:500]}"
