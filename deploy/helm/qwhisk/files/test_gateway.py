"""What `helm test` runs: the gateway can serve requests, and has functions if the chart loads them."""

import json
import os
import sys
import time
import urllib.request
from typing import Any

#: Seconds for a gateway and documents that have just started and were just loaded, and between two looks.
PATIENCE, PAUSE = float(os.environ.get("PATIENCE", "120")), 2.0
URL = os.environ["GATEWAY_URL"]
EXPECTED = int(os.environ["FUNCTIONS"])


def get(path: str) -> Any:
    """Return the JSON of a path. The name `localhost` is permitted whatever GATEWAY_HOSTS is."""
    request = urllib.request.Request(URL + path, headers={"Host": "localhost"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
        return json.load(response)


def functions() -> int:
    """Return the number of functions that can be called; needs no sign-in."""
    get("/readyz")
    paths = get("/openapi.json")["paths"]
    return sum(path.endswith("/jobs") and "/functions/" in path and "{" not in path for path in paths)


deadline, problem = time.monotonic() + PATIENCE, ""
while time.monotonic() < deadline:
    try:
        found = functions()
        if found >= EXPECTED:
            print(f"The gateway is ready and has {found} functions.")
            sys.exit(0)
        problem = "it has no function: see the job that loads the config documents, and the gateway's log"
    except (OSError, ValueError) as error:
        problem = str(error)
    time.sleep(PAUSE)
sys.exit(f"{URL}: {problem}")
