"""What a simulator has, requested over its REST API."""

from __future__ import annotations

from typing import Any

import requests

from core.settings.provider import NO_INSTANCE


def provider_token(url: str, api_key: str) -> str:
    """Return a bearer token of a simulator."""
    login = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": api_key}
    answer = requests.post(f"{url}/identity/token", data=login, timeout=30)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def provider_jobs(url: str, api_key: str) -> list[dict[str, Any]]:
    """Return all jobs of a simulator, the oldest first."""
    headers = {"Authorization": f"Bearer {provider_token(url, api_key)}", "Service-CRN": NO_INSTANCE}
    jobs: list[dict[str, Any]] = []
    while True:
        query = {"limit": "200", "offset": str(len(jobs)), "sort": "ASC"}
        answer = requests.get(f"{url}/jobs", params=query, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        page = answer.json()["jobs"]
        jobs += page
        if not page:
            return jobs
