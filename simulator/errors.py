"""What can go wrong, and IBM's shape for saying so."""

from __future__ import annotations

from typing import Any


class SimulatorError(Exception):
    """Base of the errors that this service raises."""


class ApiError(SimulatorError):
    """A request is refused; becomes an HTTP answer.

    Args:
        status: HTTP status.
        code: IBM Quantum's error code, or ours where IBM has none.
        message: What is wrong, in words the caller understands.
        solution: What the caller can do.
        headers: Further HTTP headers.
    """

    def __init__(
        self, status: int, code: int, message: str, solution: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.solution = solution
        self.headers = headers or {}

    def body(self, trace: str) -> dict[str, Any]:
        """Return IBM's error document.

        `errors` is the present shape; `error` is the one from which the client takes the text it shows.
        """
        more_info = "https://docs.quantum.ibm.com/errors"
        error = {
            "code": self.code,
            "message": self.message,
            "solution": self.solution,
            "more_info": more_info,
        }
        return {"errors": [error], "error": {"code": self.code, "message": self.message}, "trace": trace}


class InvalidJob(SimulatorError):
    """A job's input is wrong or beyond a bound; found while decoding it in a worker."""

    def __init__(self, message: str, code: int = 1217, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status


class SimulationError(SimulatorError):
    """A job that looked right could not be simulated; the job fails with this reason."""

    def __init__(self, message: str, code: int = 6000) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class PoolFull(SimulatorError):
    """As many jobs as may wait for a worker are waiting already."""


class BackendUnknown(SimulatorError):
    """A device name has no files in fake_provider."""


class DatabaseError(SimulatorError):
    """The file that keeps jobs cannot be used, or written."""


class FaultsWrong(SimulatorError):
    """A description of faults cannot be read; the message says why."""
