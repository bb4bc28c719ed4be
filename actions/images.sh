#!/usr/bin/env bash
# `make images`: the base image, then one for each algorithm. DOCKER_BUILD_FLAGS are added to every build, such as
# --network=host where a build reaches the package index in no other way.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v docker >/dev/null; then
    echo "make images needs docker on PATH: install Docker (Debian: apt install docker.io)" >&2
    exit 1
fi
if ! why=$(docker version 2>&1 >/dev/null); then
    echo "docker has no engine to build with: start one, or set DOCKER_HOST (${why:-no reason given})" >&2
    exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

build() { # build IMAGE OPTIONS...: quiet, unless it fails
    local image=$1 began=$SECONDS
    shift
    # shellcheck disable=SC2086 # flags are words
    if ! docker build ${DOCKER_BUILD_FLAGS:-} -t "$image" "$@" . >"$log" 2>&1; then
        cat "$log" >&2
        echo "$image could not be built" >&2
        exit 1
    fi
    printf '%-36s %4d MB  %3d s\n' "$image" \
        $(($(docker image inspect --format '{{.Size}}' "$image") / 1000000)) $((SECONDS - began))
}

build qwhisk/base -f actions/base/Dockerfile
for algorithm in actions/*/algorithm.py; do
    name=$(basename "$(dirname "$algorithm")")
    [ "$name" = base ] || build "qwhisk/$name" -f actions/Dockerfile --build-arg "ACTION=$name"
done
