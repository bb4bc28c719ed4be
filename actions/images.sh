#!/usr/bin/env bash
# `make images`: the services' images and the actions' base, then one for each algorithm; with arguments, these images
# alone. As many at a time as there are processors. DOCKER_BUILD_FLAGS are added to every build, such as --network=host
# where a build reaches the package index in no other way. IMAGE_SOURCE is the address of the sources, for a label.
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

# Labels of the Open Container Initiative. What is not known, such as the commit of an unpacked archive, is left out.
labels=(--label "org.opencontainers.image.licenses=Apache-2.0")
labels+=(--label "org.opencontainers.image.version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)")
if revision=$(git rev-parse HEAD 2>/dev/null); then
    labels+=(--label "org.opencontainers.image.revision=$revision")
fi
if [ -n "${IMAGE_SOURCE:-}" ]; then
    labels+=(--label "org.opencontainers.image.source=$IMAGE_SOURCE")
fi

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

build() { # build NAME: quiet, unless it fails
    local name=$1 options began=$SECONDS log=$logs/$1
    case $name in
    base) options="-f actions/runtime/Dockerfile" ;;
    gateway | poller | simulator) options="-f $name/Dockerfile" ;;
    *) options="-f actions/Dockerfile --build-arg ACTION=$name" ;;
    esac
    # shellcheck disable=SC2086 # flags are words
    if ! docker build ${DOCKER_BUILD_FLAGS:-} -t "qwhisk/$name" "${labels[@]}" \
        --label "org.opencontainers.image.title=qwhisk/$name" $options . >"$log" 2>&1; then
        cat "$log" >&2
        echo "qwhisk/$name could not be built" >&2
        return 1
    fi
    printf '%-36s %4d MB  %3d s\n' "qwhisk/$name" \
        $(($(docker image inspect --format '{{.Size}}' "qwhisk/$name") / 1000000)) $((SECONDS - began))
}

all() { # all NAMES...: build them, several at a time
    local most running=0
    most=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
    for name in "$@"; do
        if [ "$running" -ge "$most" ]; then
            wait -n
            running=$((running - 1))
        fi
        build "$name" &
        running=$((running + 1))
    done
    while [ "$running" -gt 0 ]; do
        wait -n
        running=$((running - 1))
    done
}

if [ $# -gt 0 ]; then
    all "$@"
    exit
fi
all base simulator poller gateway
algorithms=()
for algorithm in actions/*/algorithm.py; do
    name=$(basename "$(dirname "$algorithm")")
    [ "$name" = framework ] || algorithms+=("$name")
done
all "${algorithms[@]}"
