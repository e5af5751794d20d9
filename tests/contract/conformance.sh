#!/usr/bin/env bash
# The MCP conformance suite against the product's HTTP transport: with the suite's own fixtures behind
# it, and with the product's tools. Node comes from npm where the one at hand is too old. Runs in
# namespaces with nothing but loopback.
set -euo pipefail
cd "$(dirname "$0")/../.."

SUITE=0.2.0-alpha.12
NODE=24
bin=$PWD/.node/node_modules/.bin

new_enough() {
    "$1" -e 'process.exit(process.versions.node.split(".")[0] >= 22 ? 0 : 1)' 2> /dev/null
}

if [ "${1:-}" != --sealed ]; then
    if ! command -v npm > /dev/null; then
        echo "conformance: npm is not installed (Debian: apt-get install npm)" >&2
        exit 69
    fi
    wanted=("@modelcontextprotocol/conformance@$SUITE")
    new_enough node || wanted+=("node@$NODE")
    stamp=.node/${wanted[*]//[^a-z0-9.-]/_}
    if [ ! -e "${stamp// /+}" ]; then
        mkdir -p .node
        npm install --prefix .node --no-fund --no-audit --loglevel=error "${wanted[@]}"
        touch "${stamp// /+}"
    fi
    seal=(unshare -Urmn --fork --pid --mount-proc --kill-child)
    if "${seal[@]}" true 2> /dev/null; then
        exec "${seal[@]}" bash "$0" --sealed
    fi
    echo "conformance: no namespaces here; nothing but 127.0.0.1 is used all the same" >&2
    exec bash "$0" --sealed
fi

ip link set lo up 2> /dev/null || true
new_enough node || PATH=$bin:$PATH
export PATH
exec .venv/bin/python -m tests.contract.conformance "$bin/conformance"
