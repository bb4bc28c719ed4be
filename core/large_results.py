"""Stores results that are too large for a message, in a folder or in a bucket of the S3 API.

The poller stores them and the gateway reads them for their clients. A result's name is derived from its
client's topic, which is secret, so it cannot be derived from a `process_job_id` alone.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from core.errors import NotFoundError, ResultStoreError
from core.settings import Source
from core.settings.stores import (
    RESULTS_FOLDER,
    RESULTS_RETENTION_SECONDS,
    RESULTS_S3_ACCESS_KEY,
    RESULTS_S3_BUCKET,
    RESULTS_S3_REGION,
    RESULTS_S3_SECRET_KEY,
    RESULTS_S3_URL,
)

#: The most bytes of one result.
MAX_BYTES = 64 * 1024 * 1024
#: Seconds between searches of a folder for results that are too old.
SWEEP = 600.0
#: Seconds to connect to the bucket's service, and seconds to wait for its answer.
TIMEOUT = (5, 60)

_SAFE = re.compile(r"[A-Za-z0-9_.:-]{1,128}")

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class LargeResults(Protocol):
    """A store of large results."""

    def put(self, name: str, data: bytes) -> None:
        """Store a result. An older one of the same name is replaced.

        Raises:
            ResultStoreError: the store is not available.
        """

    def get(self, name: str) -> bytes:
        """Return a result.

        Raises:
            NotFoundError: there is no such result.
            ResultStoreError: the store is not available.
        """

    def delete(self, name: str) -> None:
        """Delete a result, if there is one.

        Raises:
            ResultStoreError: the store is not available.
        """

    def sweep(self) -> None:
        """Delete the results that are too old. Buckets do that themselves."""


def name_of(topic: str, process_job_id: str) -> str:
    """Return the name of a client's result.

    Args:
        topic: the client's topic.
        process_job_id: the job's id.

    Raises:
        NotFoundError: the id is malformed.
    """
    if not _SAFE.fullmatch(process_job_id):
        raise NotFoundError("There is no such result.")
    # Not the topic itself: a listing of the store must not reveal it.
    return f"results/{hashlib.sha256(topic.encode()).hexdigest()[:40]}/{process_job_id}.json"


class Folder:
    """A folder on this machine, or one that several machines share.

    Args:
        path: the folder.
        retention: seconds for which results are kept.
    """

    def __init__(self, path: Path, retention: float = RESULTS_RETENTION_SECONDS.read({})) -> None:
        self._path = path
        self._retention = retention
        self._lock = threading.Lock()
        self._swept = 0.0

    def put(self, name: str, data: bytes) -> None:
        path = self._path / name
        # Written to another file and renamed, so that a reader never sees half a result.
        temporary = path.with_name(f".{path.name}.{threading.get_ident()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
            temporary.replace(path)
        except OSError as error:
            raise ResultStoreError(f"The result could not be written: {error.strerror}.") from None
        self.sweep()

    def get(self, name: str) -> bytes:
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError:
            raise NotFoundError("The result is no longer stored.") from None
        except OSError as error:
            raise ResultStoreError(f"The result could not be read: {error.strerror}.") from None

    def delete(self, name: str) -> None:
        try:
            (self._path / name).unlink(missing_ok=True)
        except OSError as error:
            raise ResultStoreError(f"The result could not be deleted: {error.strerror}.") from None

    def sweep(self) -> None:
        # Another process may remove them at the same time.
        now = time.time()
        with self._lock:
            if now - self._swept < SWEEP:
                return
            self._swept = now
        for path in self._path.glob("results/*/*"):
            try:
                if now - path.stat().st_mtime > self._retention:
                    path.unlink()
            except OSError:
                continue


class Bucket:
    """A bucket of IBM Cloud Object Storage, or of another service with the S3 API.

    Args:
        endpoint: the service's address.
        bucket: the bucket's name. It must exist, and should have a rule that expires old objects.
        access_key: the access key of HMAC credentials.
        secret_key: the secret key of HMAC credentials.
        region: the region, as the service calls it.
    """

    def __init__(self, endpoint: str, bucket: str, access_key: str, secret_key: str, region: str) -> None:
        # Imported here: only deployments with a bucket pay for the client's memory.
        import boto3
        from botocore.config import Config

        self._bucket = bucket
        self._client = boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            region_name=region,
            config=Config(
                connect_timeout=TIMEOUT[0],
                read_timeout=TIMEOUT[1],
                retries={"max_attempts": 3, "mode": "standard"},
                s3={"addressing_style": "path"},
                # Not every service supports the newer checksums.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def put(self, name: str, data: bytes) -> None:
        self._call(
            lambda: self._client.put_object(
                Bucket=self._bucket, Key=name, Body=data, ContentType="application/json"
            )
        )

    def get(self, name: str) -> bytes:
        response: dict[str, Any] = self._call(lambda: self._client.get_object(Bucket=self._bucket, Key=name))
        if int(response.get("ContentLength", 0)) > MAX_BYTES:
            raise ResultStoreError("The stored object is larger than any result.")
        return bytes(self._call(lambda: response["Body"].read(MAX_BYTES)))

    def delete(self, name: str) -> None:
        # A bucket answers the same if there is no such object.
        self._call(lambda: self._client.delete_object(Bucket=self._bucket, Key=name))

    def sweep(self) -> None:
        pass

    def _call(self, call: Callable[[], Answer]) -> Answer:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return call()
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in ("NoSuchKey", "404"):
                raise NotFoundError("The result is no longer stored.") from None
            raise ResultStoreError(
                f"The store of large results rejected the request ({code[:60]})."
            ) from None
        except BotoCoreError as error:
            kind = type(error).__name__
            raise ResultStoreError(f"The store of large results could not be reached ({kind}).") from None


def from_env(env: Source) -> LargeResults | None:
    """Return the store that the settings name; None, with a line in the log, if they name none.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    # Also where it has no effect: a wrong value must not wait until there is a folder.
    retention = RESULTS_RETENTION_SECONDS.read(env)
    if RESULTS_S3_URL.is_set(env):
        return Bucket(
            RESULTS_S3_URL.read(env),
            RESULTS_S3_BUCKET.read(env),
            RESULTS_S3_ACCESS_KEY.read(env),
            RESULTS_S3_SECRET_KEY.read(env),
            RESULTS_S3_REGION.read(env),
        )
    folder = RESULTS_FOLDER.read(env)
    if not folder:
        log.warning(
            "no store for large results: a job whose result is too large for a message ends with its answer "
            "and the error result_too_large. Set %s and %s, or %s, to the same in gateway and poller.",
            RESULTS_S3_URL.name,
            RESULTS_S3_BUCKET.name,
            RESULTS_FOLDER.name,
        )
        return None
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RESULTS_FOLDER.error(f"names {folder}, which cannot be created: {error.strerror}.") from None
    return Folder(path, retention)
