"""The simulator does not serve web pages, nor a name that was pointed at it."""

from __future__ import annotations

import pytest
import requests

from simulator.settings import parse
