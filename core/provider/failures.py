"""The client's exceptions, made into ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

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
from core.provider import reported


@contextmanager
def translated(action: str) -> Iterator[None]:
    """Turn the client's exceptions into ours."""
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
        raise of_status(action, status, str(error), _retry_after(error)) from None
    except IBMError as error:
        found = re.search(r"\b([45]\d\d) (Client|Server) Error", str(error))
        raise of_status(action, int(found[1]) if found else -1, str(error)) from None
    except (requests.RequestException, OSError) as error:
        raise ProviderUnavailableError(
            f"IBM Quantum could not be reached to {action} ({type(error).__name__})."
        ) from None


def _response(error: BaseException) -> requests.Response | None:
    """The answer that the client refers to; None where there was none."""
    response = getattr(error.__cause__ or error.__context__, "response", None)
    return response if isinstance(response, requests.Response) else None


def _retry_after(error: BaseException) -> float | None:
    """The seconds of the answer's Retry-After header, bounded; None where there is none."""
    response = _response(error)
    return None if response is None else reported.retry_after(response.headers.get("Retry-After"))


def of_status(
    action: str, status: int, message: str, retry_after: float | None = None
) -> ProviderError | JobNotFoundError:
    # Neither addresses nor the hosts in the texts of the HTTP library are a caller's concern.
    text = re.sub(r"\s*https?://\S+|\w+Pool\([^)]*\):?\s*", "", message)[:500]
    if status == 404:
        return JobNotFoundError(f"IBM Quantum does not know it: {text}")
    if status == 429 or status >= 500 or status == -1:
        return ProviderUnavailableError(
            f"IBM Quantum cannot {action} now: {text}", retry_after, status=status
        )
    return ProviderError(f"IBM Quantum refused to {action}: {text}", status=status)
