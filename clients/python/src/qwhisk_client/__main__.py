"""`python -m qwhisk_client` is the command `qwhisk`."""

from __future__ import annotations

import sys

from qwhisk_client.cli.main import main

sys.exit(main())
