"""The ports of the services. The local stack reads them as well as the services do."""

from __future__ import annotations

from core.settings.kinds import PORT, PORT_OR_FREE
from core.settings.setting import Setting

_HELP = "port to listen on"
_HELP_OR_FREE = "port to listen on; 0 for any free one"

GATEWAY_PORT = Setting("GATEWAY_PORT", PORT, 8080, _HELP, common=True)
POLLER_PORT = Setting("POLLER_PORT", PORT, 8081, _HELP, common=True)
SIMULATOR_PORT = Setting("SIMULATOR_PORT", PORT_OR_FREE, 8090, _HELP_OR_FREE, "--port", common=True)
OPENWHISK_PORT = Setting("OPENWHISK_PORT", PORT_OR_FREE, 3233, _HELP_OR_FREE, "--port", common=True)
