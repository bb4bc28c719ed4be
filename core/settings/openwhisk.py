"""How to reach OpenWhisk, and with which credentials."""

from __future__ import annotations

from core.settings.kinds import TEXT, URL, Kind, pattern
from core.settings.setting import REQUIRED, Rows, Setting


def _address(text: str) -> str:
    return URL.parse(text if "://" in text else f"https://{text}")


#: OpenWhisk's address as `wsk` accepts it: without a scheme it means https.
WHISK_ADDRESS: Kind[str] = Kind("an address such as https://whisk.example.com", _address)

#: One of OpenWhisk's keys.
WHISK_KEY: Kind[str] = pattern(r"(?s:.*:.*)", "an OpenWhisk key, user:password")

WHISK_APIHOST = Setting(
    "WHISK_APIHOST", URL, REQUIRED, "OpenWhisk's address, as the gateway and the poller reach it"
)
WHISK_AUTH = Setting(
    "WHISK_AUTH",
    TEXT,
    REQUIRED,
    "OpenWhisk's key, user:password, for config documents with BasicAuth",
    secret=True,
    default_text="required by such documents",
    common=True,
)
IBM_CLOUD_API_KEY = Setting(
    "IBM_CLOUD_API_KEY",
    TEXT,
    REQUIRED,
    "API key of IBM Cloud, for config documents with IAMBearerToken",
    secret=True,
    default_text="required by such documents",
    common=True,
)
IAM_URL = Setting("IAM_URL", URL, "", "address of IAM", default_text="IBM Cloud's")

CREDENTIAL_ROWS: Rows = (WHISK_AUTH, IBM_CLOUD_API_KEY, IAM_URL)
