"""One check: a line of the output."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from core.errors import QwhiskError

#: Characters of a message.
SHOWN = 300


class CheckError(Exception):
    """A check failed. The message is for the operator, without a secret."""


@dataclass
class Check:
    """What is checked, and how it ended.

    Attributes:
        part: whose credentials are used.
        what: what is checked.
        fix: what to do if it fails.
        run: makes the check and returns what was found; it raises an error if the check fails.
        outcome: what was found, or why it failed.
        failed: whether it failed, or has not ended.
    """

    part: str
    what: str
    fix: str
    run: Callable[[], str]
    outcome: str = "no answer in time"
    failed: bool = True
    _done: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Run in a thread of its own, which does not keep the process from ending."""
        threading.Thread(target=self._run, daemon=True).start()

    def wait(self, timeout: float) -> None:
        """Wait for its end, for at most `timeout` seconds."""
        self._done.wait(timeout)

    def line(self) -> str:
        """Return the line, and one more if it failed."""
        text = f"{'FAIL' if self.failed else 'ok':<5} {self.part:<8} {self.what:<14} {_plain(self.outcome)}"
        return f"{text}\n{'':29}-> {self.fix}" if self.failed else text

    def _run(self) -> None:
        try:
            outcome, failed = self.run(), False
        except CheckError as error:
            outcome, failed = str(error), True
        except QwhiskError as error:
            outcome, failed = error.message, True
        except Exception as error:  # of the libraries below; its text may have a secret
            status = getattr(error, "status_code", None)
            outcome, failed = type(error).__name__ + (f" ({status})" if isinstance(status, int) else ""), True
        self.outcome, self.failed = outcome, failed
        self._done.set()


def host_of(url: str) -> str:
    """Return a URL's scheme, host and port: the rest may have a password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _plain(text: str) -> str:
    """Return a text as one line for a terminal: without control characters, and cut."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text[: 2 * SHOWN])
    return " ".join(printable.split())[:SHOWN]


def run_all(checks: Sequence[Check], timeout: float, show: Callable[[str], None]) -> None:
    """Run checks at the same time, and show their lines in order.

    Args:
        checks: the checks.
        timeout: seconds for all of them.
        show: gets each line once its check has ended, or the time is over.
    """
    deadline = time.monotonic() + timeout
    for check in checks:
        check.start()
    for check in checks:
        check.wait(max(0.0, deadline - time.monotonic()))
        show(check.line())
