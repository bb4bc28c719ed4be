"""Authorization headers for OpenWhisk and IBM Cloud, from the environment."""

from __future__ import annotations

import base64
import logging
import time
from typing import Any

from core.errors import DocumentError, InvocationError
from core.settings import Source
from core.settings.openwhisk import IAM_URL, IBM_CLOUD_API_KEY, WHISK_AUTH

log = logging.getLogger(__name__)


#: Seconds to wait for a token from IAM.
IAM_TIMEOUT = 10.0


class EnvironmentCredentials:
    """Returns Authorization headers from the environment.

    `BasicAuth` is OpenWhisk's key (`WHISK_AUTH`). `IAMBearerToken` is a token from IBM's IAM for
    `IBM_CLOUD_API_KEY`; IBM's SDK caches it and renews it before it expires.
    """

    def __init__(self, env: Source) -> None:
        self._env = env
        self._token_manager: Any = None

    def __call__(self, name: str) -> str:
        if name == "BasicAuth":
            key = WHISK_AUTH.read(self._env)
            return "Basic " + base64.b64encode(key.encode()).decode()
        if name == "IAMBearerToken":
            if self._token_manager is None:
                from ibm_cloud_sdk_core.token_managers.iam_token_manager import IAMTokenManager

                self._token_manager = IAMTokenManager(
                    IBM_CLOUD_API_KEY.read(self._env), url=IAM_URL.read(self._env) or None
                )
                self._token_manager.http_config = {"timeout": IAM_TIMEOUT}
            return f"Bearer {self._iam_token(self._token_manager)}"
        raise DocumentError(f"There is no credential {name!r}.")

    def _iam_token(self, manager: Any) -> str:
        try:
            return str(manager.get_token())
        except Exception as error:  # the SDK's, and those of the HTTP and JWT libraries below it
            log.warning("no token from IAM: %s", type(error).__name__)
            if manager.access_token and manager.expire_time > time.time():
                return str(manager.access_token)  # only its renewal failed
            # After a failure the SDK delays every caller for a minute. A new manager makes a request at once.
            self._token_manager = None
            raise InvocationError("IBM Cloud returned no token. Try again later.", status=503) from None
