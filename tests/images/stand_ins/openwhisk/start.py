"""Start the local OpenWhisk with the settings that the compose file gives to Apache's, in JVM_EXTRA_ARGS."""

import os

#: The published key of OpenWhisk standalone's namespace `guest`, which it has whatever the environment says.
GUEST = (
    "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"
)
#: Apache's properties and the flags that do the same.
FLAGS = {
    "-Dwhisk.container-factory.container-args.network": "--docker-network",
    "-Dwhisk.container-pool.user-memory": "--memory",
    "-Dwhisk.config.limits-actions-invokes-perMinute": "--invocations-per-minute",
    "-Dwhisk.config.limits-actions-invokes-concurrent": "--concurrent-invocations",
}

command = ["python", "-m", "local.openwhisk", "--host", "0.0.0.0", "--port", "3233", "--hosts", "*"]
command += ["--containers", "docker", "--docker-connect", "network"]
for word in os.environ["JVM_EXTRA_ARGS"].split():
    name, _, value = word.partition("=")
    command += [FLAGS[name], value.removesuffix("m")]
os.execvpe(command[0], command, {**os.environ, "WHISK_AUTH": GUEST})
