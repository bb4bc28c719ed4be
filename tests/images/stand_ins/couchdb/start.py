"""Start pouchdb-server with the administrator that COUCHDB_USER and COUCHDB_PASSWORD name."""

import json
import os
from pathlib import Path

CONFIG = Path("/tmp/couchdb.json")

CONFIG.write_text(json.dumps({"admins": {os.environ["COUCHDB_USER"]: os.environ["COUCHDB_PASSWORD"]}}))
command = ["node", "--require", "/opt/couchdb/up.js"]
command += ["/opt/couchdb/node_modules/pouchdb-server/bin/pouchdb-server", "--in-memory"]
command += ["--host", "0.0.0.0", "--port", "5984", "--config", str(CONFIG)]
os.execvp(command[0], command)
