#!/usr/bin/env bash
# Prints the manifests for an installation without Helm, from the chart and values.yaml: render.sh [HELM].
# `make manifests` writes them to qwhisk.yaml.
set -euo pipefail
cd "$(dirname "$0")"
echo "# Made by \`make manifests\` from the chart in deploy/helm/qwhisk and values.yaml. Edit those, not this file."
"${1:-helm}" template qwhisk ../helm/qwhisk --values values.yaml --no-hooks --skip-tests
