"""The client's exceptions, made into ours."""

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
    JobNotFoundError,
    ProviderError,
    ProviderUnauthorizedError,
    ProviderUnavailableError,
    QwhiskError,
)
from core.provider.ibm.transport import nothing_sent
from core.retry_after import parse_retry_after


@contextmanager
def translated(action: str, changes: bool = False) -> Iterator[None]:
    """Turn the client's exceptions into ours.

    Args:
        action: what is asked for.
        changes: whether that changes something, so that it matters whether a failed request was carried out.
    """
    try:
        yield
    except QwhiskError:
        raise
    except IBMNotAuthorizedError:
        raise ProviderUnauthorizedError(
            "The quantum provider refused the API key. Ask the operator to check QISKIT_IBM_TOKEN "
            "or SIMULATOR_API_KEY."
        ) from None
    except QiskitBackendNotFoundError:
        # It was in the list a moment ago.
        raise ProviderUnavailableError(f"IBM Quantum cannot {action} now.") from None
    except RequestsApiError as error:
        # Of a 503 the client tells no status.
        status = error.status_code
        if status == -1 and (response := _response(error)) is not None:
            status = response.status_code
        cause = error.__cause__ or error.__context__
        unclear = changes and (cause is None or not nothing_sent(cause))
        raise of_status(action, status, str(error), _retry_after(error), unclear) from None
    except IBMError as error:
        found = re.search(r"\b([45]\d\d) (Client|Server) Error", str(error))
        raise of_status(action, int(found[1]) if found else -1, str(error), unclear=changes) from None
    except (requests.exceptions.InvalidJSONError, RecursionError):
        raise _unreadable(action, changes) from None
    except (requests.RequestException, OSError) as error:
        raise ProviderUnavailableError(
            f"IBM Quantum could not be reached to {action} ({type(error).__name__}).",
            unclear=changes and not nothing_sent(error),
        ) from None


@contextmanager
def readable(action: str, changes: bool = False) -> Iterator[None]:
    """Turn what goes wrong while an answer is read that is not what it should be into our exception."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _unreadable(action, changes) from None


def _unreadable(action: str, changes: bool) -> ProviderUnavailableError:
    return ProviderUnavailableError(
        f"IBM Quantum was asked to {action}, and its answer cannot be read.", unclear=changes
    )


def _response(error: BaseException) -> requests.Response | None:
    """The answer that the client refers to; None where there was none."""
    response = getattr(error.__cause__ or error.__context__, "response", None)
    return response if isinstance(response, requests.Response) else None


def _retry_after(error: BaseException) -> float | None:
    """The seconds of the answer's Retry-After header, bounded; None where there is none."""
    response = _response(error)
    if response is None:
        return None
    return parse_retry_after(response.headers.get("Retry-After"), datetime.now(UTC))


def of_status(
    action: str, status: int, message: str, retry_after: float | None = None, unclear: bool = False
) -> ProviderError | JobNotFoundError:
    """The error for an answer with this status.

    Args:
        action: what was asked for.
        status: of the answer; -1 where there was none.
        message: the client's.
        retry_after: seconds that the provider asked to wait.
        unclear: whether it may have been carried out all the same, unless the status says otherwise.
    """
    # Neither addresses nor the hosts in the texts of the HTTP library are a caller's concern.
    text = re.sub(r"\s*https?://\S+|\w+Pool\([^)]*\):?\s*", "", message)[:500]
    if status == 404:
        return JobNotFoundError(f"IBM Quantum does not know it: {text}")
    if status == 429 or status >= 500 or status == -1:
        return ProviderUnavailableError(
            f"IBM Quantum cannot {action} now: {text}",
            retry_after,
            # 4xx says that it was not carried out; 5xx does not.
            unclear=unclear and status != 429,
            status=status,
        )
    return ProviderError(f"IBM Quantum refused to {action}: {text}", status=status)
