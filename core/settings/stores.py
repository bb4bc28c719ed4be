"""The settings of the stores of config documents and large results."""

from __future__ import annotations

from core.settings.kinds import TEXT, URL, integer, pattern
from core.settings.setting import REQUIRED, Rows, Setting

CONFIG_FOLDER = Setting(
    "CONFIG_FOLDER",
    TEXT,
    REQUIRED,
    "folder with the config documents, unless CLOUDANT_URL is set",
    common=True,
)
CLOUDANT_URL = Setting("CLOUDANT_URL", URL, "", "Cloudant or CouchDB with the config documents", common=True)
CLOUDANT_APIKEY = Setting(
    "CLOUDANT_APIKEY", TEXT, "", "API key of Cloudant, or use a user and a password", secret=True, common=True
)
CLOUDANT_USERNAME = Setting("CLOUDANT_USERNAME", TEXT, "", "user of the database", common=True)
CLOUDANT_PASSWORD = Setting(
    "CLOUDANT_PASSWORD",
    TEXT,
    "",
    "password of CLOUDANT_USERNAME, required with it",
    secret=True,
    common=True,
)
CLOUDANT_DATABASE = Setting(
    "CLOUDANT_DATABASE",
    pattern(
        r"[a-z][a-z0-9_$()+/-]{0,237}",
        "a lower-case letter followed by at most 237 lower-case letters, digits and _ - $ ( ) + /",
    ),
    "config",
    "name of the database",
)

CLOUDANT_ROWS: Rows = (
    CLOUDANT_URL,
    CLOUDANT_APIKEY,
    CLOUDANT_USERNAME,
    CLOUDANT_PASSWORD,
    CLOUDANT_DATABASE,
)
DOCUMENT_ROWS: Rows = (CONFIG_FOLDER, *CLOUDANT_ROWS)

RESULTS_FOLDER = Setting(
    "RESULTS_FOLDER",
    TEXT,
    "",
    "folder for results that are too large for a message, shared by poller and gateway; they are deleted "
    "after RESULTS_RETENTION_SECONDS",
    common=True,
)
RESULTS_RETENTION_SECONDS = Setting(
    "RESULTS_RETENTION_SECONDS",
    integer(60, 10 * 366 * 86_400),
    7 * 86_400,
    "seconds for which RESULTS_FOLDER keeps results; a bucket has a rule of its own",
    common=True,
)
RESULTS_S3_URL = Setting(
    "RESULTS_S3_URL",
    URL,
    "",
    "S3 service for such results, instead of a folder; the bucket should have a rule by which old objects "
    "expire",
    common=True,
)
RESULTS_S3_BUCKET = Setting(
    "RESULTS_S3_BUCKET",
    TEXT,
    REQUIRED,
    "bucket at RESULTS_S3_URL",
    default_text="required with RESULTS_S3_URL",
)
RESULTS_S3_ACCESS_KEY = Setting(
    "RESULTS_S3_ACCESS_KEY",
    TEXT,
    REQUIRED,
    "access key of HMAC credentials",
    default_text="required with RESULTS_S3_URL",
)
RESULTS_S3_SECRET_KEY = Setting(
    "RESULTS_S3_SECRET_KEY",
    TEXT,
    REQUIRED,
    "secret key of HMAC credentials",
    secret=True,
    default_text="required with RESULTS_S3_URL",
)
RESULTS_S3_REGION = Setting("RESULTS_S3_REGION", TEXT, "us-south", "region of the bucket")

RESULT_ROWS: Rows = (
    RESULTS_FOLDER,
    RESULTS_RETENTION_SECONDS,
    RESULTS_S3_URL,
    RESULTS_S3_BUCKET,
    RESULTS_S3_ACCESS_KEY,
    RESULTS_S3_SECRET_KEY,
    RESULTS_S3_REGION,
)
