"""Large results, in a folder and in a bucket of a real server of the S3 API: one suite for both."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import NotFoundError, ResultStoreError, SettingsError
from core.large_results import SWEEP, Bucket, Folder, LargeResults, from_env, name_of
from testkit import s3 as server
from testkit.stack import free_ports

NAME = name_of("results." + "a" * 24, "process-1")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server with a bucket."""
    with server.s3() as url:
        yield url


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> LargeResults:
    env = {"RESULTS_FOLDER": str(tmp_path / "large")}
    if request.param == "bucket":
        env = server.settings(request.getfixturevalue("s3"))
    large_results = from_env(env)
    assert large_results is not None
    return large_results


def test_a_stored_result_is_read_back_and_the_newest_counts(store: LargeResults) -> None:
    store.put(NAME, b"first")
    data = os.urandom(3_000_000)
    store.put(NAME, data)
    assert store.get(NAME) == data


def test_a_result_that_was_not_stored_is_not_found(store: LargeResults) -> None:
    with pytest.raises(NotFoundError):
        store.get(name_of("results." + "b" * 24, "process-1"))


def test_a_client_cannot_name_anothers_result() -> None:
    mine, others = (name_of("results." + letter * 24, "process-1") for letter in "ab")
    assert mine != others
    assert "aaaa" not in mine, "the topic is secret"


@pytest.mark.parametrize("process_job_id", ["../../etc/passwd", "a/b", "", "x" * 200, "a\0b"])
def test_no_name_leaves_the_store(process_job_id: str) -> None:
    with pytest.raises(NotFoundError):
        name_of("results." + "a" * 24, process_job_id)


def test_an_unreachable_service_is_reported_without_secrets() -> None:
    [port] = free_ports(1)
    bucket = Bucket(f"http://127.0.0.1:{port}", "qwhisk", "key", "s3cret", "us-south")
    with pytest.raises(ResultStoreError) as raised:
        bucket.put(NAME, b"data")
    assert "s3cret" not in str(raised.value)


def test_a_bucket_that_does_not_exist_is_an_error(s3: str) -> None:
    with pytest.raises(ResultStoreError, match="NoSuchBucket"):
        Bucket(s3, "missing", "a", "b", "us-east-1").put(NAME, b"data")


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("in the way")
    with pytest.raises(ResultStoreError):
        Folder(tmp_path).put(NAME, b"data")
    with pytest.raises(SettingsError, match="RESULTS_FOLDER"):
        from_env({"RESULTS_FOLDER": str(tmp_path / "results" / "below")})


@pytest.mark.parametrize("seconds", [7 * 86_400, 3_600])
def test_a_folder_removes_old_results(tmp_path: Path, seconds: int) -> None:
    settings = {"RESULTS_FOLDER": str(tmp_path)}
    folder = from_env(settings if seconds > 3_600 else settings | {"RESULTS_RETENTION_SECONDS": "3600"})
    assert isinstance(folder, Folder)
    other = name_of("results." + "b" * 24, "process-2")
    folder.put(NAME, b"old")
    folder.put(other, b"not yet old")
    for name, age in ((NAME, seconds + 1), (other, seconds - 600)):
        os.utime(tmp_path / name, (time.time() - age, time.time() - age))
    folder.sweep()
    assert folder.get(NAME) == b"old", "a search of the whole folder for each result"
    folder._swept -= 2 * SWEEP
    folder.sweep()
    with pytest.raises(NotFoundError):
        folder.get(NAME)
    assert folder.get(other) == b"not yet old"


def test_a_deleted_result_is_gone_and_deleting_it_again_is_no_error(store: LargeResults) -> None:
    other = name_of("results." + "b" * 24, "process-1")
    store.put(NAME, b"mine")
    store.put(other, b"another's")
    for _ in range(2):
        store.delete(NAME)
    with pytest.raises(NotFoundError):
        store.get(NAME)
    assert store.get(other) == b"another's"
    store.delete(other)


def test_a_result_that_cannot_be_deleted_is_an_error(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir(parents=True)
    with pytest.raises(ResultStoreError):
        Folder(tmp_path).delete(NAME)
    [port] = free_ports(1)
    with pytest.raises(ResultStoreError):
        Bucket(f"http://127.0.0.1:{port}", "qwhisk", "key", "s3cret", "us-south").delete(NAME)


def test_without_settings_there_is_no_store_and_the_log_says_how_to_have_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from_env({"RESULTS_FOLDER": str(tmp_path)})
    assert not caplog.records
    assert from_env({}) is None
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "Set RESULTS_S3_URL and RESULTS_S3_BUCKET, or RESULTS_FOLDER" in record.getMessage()


def test_a_bucket_needs_a_name() -> None:
    with pytest.raises(SettingsError, match="RESULTS_S3_BUCKET"):
        from_env({"RESULTS_S3_URL": "http://127.0.0.1:1"})
