"""An S3 server for tests: moto's, on a free port, with a bucket `qwhisk`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import requests
from moto.server import ThreadedMotoServer

from testkit.stack import free_ports

BUCKET = "qwhisk"


@contextmanager
def s3() -> Iterator[str]:
    """The server's address."""
    [port] = free_ports(1)
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    url = f"http://127.0.0.1:{port}"
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **_KEYS)
    try:
        client.create_bucket(Bucket=BUCKET)
        yield url
    finally:
        client.close()
        # moto keeps its objects in this process, so the next server would have them too.
        requests.post(f"{url}/moto-api/reset", timeout=20).raise_for_status()
        server.stop()


_KEYS = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}


def settings(url: str) -> dict[str, str]:
    """Return the settings with which poller and gateway use the bucket."""
    return {
        "RESULTS_S3_URL": url,
        "RESULTS_S3_BUCKET": BUCKET,
        "RESULTS_S3_ACCESS_KEY": "a",
        "RESULTS_S3_SECRET_KEY": "b",
        "RESULTS_S3_REGION": "us-east-1",
    }


def keys(url: str) -> list[str]:
    """Return the names of all objects in the bucket."""
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **_KEYS)
    try:
        return [item["Key"] for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    finally:
        client.close()
