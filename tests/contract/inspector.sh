#!/usr/bin/env bash
# The MCP Inspector's command line against the real server over stdio, in both eras of the protocol.
# Node comes from npm where the one at hand is too old. Runs in namespaces with nothing but loopback.
set -euo pipefail
cd "$(dirname "$0")/../.."

tools="NmapTool TracertTool PingTool MtrTool DigTool"
INSPECTOR=2.12.0
NODE=24
python=$PWD/.venv/bin/python
bin=$PWD/.node/node_modules/.bin

# Declared by the inspector: node >= 22.19.
new_enough() {
    "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number);
             process.exit(a > 22 || (a === 22 && b >= 19) ? 0 : 1)' 2> /dev/null
}

if [ "${1:-}" != --sealed ]; then
    if ! command -v npm > /dev/null; then
        echo "inspector: npm is not installed (Debian: apt-get install npm)" >&2
        exit 69
    fi
    wanted=("@modelcontextprotocol/inspector@$INSPECTOR")
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
    echo "inspector: no namespaces here; only 127.0.0.1 is examined all the same" >&2
    exec bash "$0" --sealed
fi

ip link set lo up 2> /dev/null || true
new_enough node || PATH=$bin:$PATH
export PATH

# The inspector gives a server no variable that is not named here.
inspect() {
    timeout 60 "$bin/mcp-inspector" --cli -e MCP_SECURITY_ALLOWED_NETWORKS=127.0.0.0/8 \
        -e LOG_LEVEL=ERROR "$python" -m netsonde "$@" ${era[@]+"${era[@]}"}
}

# check PYTHON-EXPRESSION: reads JSON on stdin as `it`.
check() {
    "$python" -c 'import json, sys; it = json.load(sys.stdin); sys.exit(not eval(sys.argv[1]))' "$1"
}

for name in handshake modern; do
    era=()
    [ "$name" = handshake ] || era=(--protocol-era "$name")
    inspect --method tools/list --strict 2> /dev/null \
        | check '" ".join(t["name"] for t in it["tools"]) == "'"$tools"'"'
    echo "inspector: $name era: tools/list: five tools, no error in their schemas"
    inspect --method tools/call --tool-name PingTool --tool-arg target=127.0.0.1 \
        --tool-arg 'options={"count": 1}' \
        | check 'it["structuredContent"]["result"]["received"] == 1'
    echo "inspector: $name era: tools/call: 127.0.0.1 answers"
    status=0
    answer=$(inspect --method tools/call --tool-name PingTool --tool-arg target=8.8.8.8 \
        2> /dev/null) || status=$?
    [ "$status" = 5 ] # the inspector's for isError: true
    check 'it["structuredContent"]["error"]["metadata"]["rule"] == "target.public"' <<< "$answer"
    echo "inspector: $name era: tools/call: a public address is refused"
done
