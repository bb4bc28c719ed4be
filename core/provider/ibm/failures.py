"""Translates the exceptions of IBM's client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import requests
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit_ibm_runtime.api.exceptions import RequestsApiError
from qiskit_ibm_runtime.exceptions import IBMError, IBMNotAuthorizedError

from core.errors import (
    InputError,
    JobNotFoundError,
    ProviderError,
    ProviderForbiddenError,
    ProviderQuotaError,
    ProviderUnauthorizedError,
    ProviderUnavailableError,
    QwhiskError,
)
from core.provider.ibm.transport import nothing_sent
from core.retry_after import parse_retry_after

#: The most characters of the client's message that are read.
MAX_MESSAGE = 1_000
#: IBM's codes of a job that exceeds a limit of the backend: executions, shots, or the size of a circuit.
_LIMIT_CODES = frozenset({1518, 1519, 1527})


@contextmanager
def translated(action: str, changes: bool = False) -> Iterator[None]:
    """Translate the client's exceptions into ours.

    Args:
        action: what the request does, as in "cancel the job".
        changes: whether it changes something, so that it matters whether a failed request was carried out.
    """
    try:
        yield
    except QwhiskError:
        raise
    except IBMNotAuthorizedError:
        raise ProviderUnauthorizedError(
            "The quantum provider rejected the API key. Ask the operator to check QISKIT_IBM_TOKEN "
            "or SIMULATOR_API_KEY."
        ) from None
    except QiskitBackendNotFoundError:
        # The backend was in the list a moment ago.
        raise ProviderUnavailableError(f"IBM Quantum cannot {action} now.") from None
    except RequestsApiError as error:
        if (reason := _exceeded_limit(_response(error))) is not None:
            raise InputError(f"The backend cannot run this: {reason}") from None
        # For a 503 the client reports no status.
        status = error.status_code
        if status == -1 and (response := _response(error)) is not None:
            status = response.status_code
        cause = error.__cause__ or error.__context__
        unclear = changes and (cause is None or not nothing_sent(cause))
        raise of_status(action, status, str(error), _retry_after(error), unclear) from None
    except IBMError as error:
        match = re.search(r"\b([45]\d\d) (Client|Server) Error", str(error))
        raise of_status(action, int(match[1]) if match else -1, str(error), unclear=changes) from None
    except (requests.exceptions.InvalidJSONError, RecursionError):
        raise _unreadable(action, changes) from None
    except (requests.RequestException, OSError) as error:
        raise ProviderUnavailableError(
            f"IBM Quantum could not be reached to {action} ({type(error).__name__}).",
            unclear=changes and not nothing_sent(error),
        ) from None


@contextmanager
def readable(action: str, changes: bool = False) -> Iterator[None]:
    """Translate errors while a malformed answer is parsed into our exception.

    Args:
        action: what the request does.
        changes: whether it changes something.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _unreadable(action, changes) from None


def _unreadable(action: str, changes: bool) -> ProviderUnavailableError:
    return ProviderUnavailableError(
        f"IBM Quantum's answer to the request to {action} cannot be read.", unclear=changes
    )


def _response(error: BaseException) -> requests.Response | None:
    """Return the response that the client's exception refers to; None if there was none."""
    response = getattr(error.__cause__ or error.__context__, "response", None)
    return response if isinstance(response, requests.Response) else None


def _exceeded_limit(response: requests.Response | None) -> str | None:
    """Return which limit of the backend a job exceeds; None if that is not why it was rejected."""
    if response is None or response.status_code != 400:
        return None
    try:
        error = response.json()["error"]
        code, message = int(error["code"]), str(error["message"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return message[:500] if code in _LIMIT_CODES else None


def _retry_after(error: BaseException) -> float | None:
    """Return the bounded seconds of the response's Retry-After header; None if there is none."""
    response = _response(error)
    if response is None:
        return None
    return parse_retry_after(response.headers.get("Retry-After"), datetime.now(UTC))


def of_status(
    action: str, status: int, message: str, retry_after: float | None = None, unclear: bool = False
) -> ProviderError | JobNotFoundError:
    """Return the error for a response with this status.

    Args:
        action: what the request does.
        status: the status of the response; -1 if there was none.
        message: the client's message.
        retry_after: seconds that the provider asked to wait.
        unclear: whether the request may have been carried out, unless the status says otherwise.
    """
    # Addresses and hosts in the texts of the HTTP library do not concern the caller.
    # The message may be the provider's whole answer, and the expression takes quadratic time.
    text = re.sub(r"\s*https?://\S+|\w+Pool\([^)]*\):?\s*", "", message[:MAX_MESSAGE])[:500]
    if status == 404:
        return JobNotFoundError(f"IBM Quantum does not know the job: {text}")
    if status == 429 or status >= 500 or status == -1:
        when = "" if retry_after is None else f" Try again in {max(1, round(retry_after))} s."
        return ProviderUnavailableError(
            f"IBM Quantum cannot {action} now: {text}{when}",
            retry_after,
            # A 4xx means that the request was not carried out; a 5xx does not.
            unclear=unclear and status != 429,
            status=status,
        )
    if status == 402:
        return ProviderQuotaError(
            f"The quantum account's quota is used up, so IBM Quantum does not {action}: {text}", status=status
        )
    if status == 403:
        return ProviderForbiddenError(
            f"The quantum account has no permission to {action}: {text}. Ask the operator to check its plan.",
            status=status,
        )
    return ProviderError(f"IBM Quantum rejected the request to {action}: {text}", status=status)
