#!/bin/sh
# Starts the command given with CAP_NET_RAW where this container may have it, and without where not.
#
# A process that is not root begins with no capability, whatever the container was given, and netsonde
# starts its programs under no-new-privileges, which makes file capabilities void. What passes both is
# the ambient set. setpriv-net-raw has CAP_NET_RAW as a file capability, puts it there, and closes the
# door behind itself: from here on nothing in the container can gain a privilege.
#
# It works with `--cap-drop ALL --cap-add NET_RAW` and not with `--security-opt no-new-privileges`,
# which would shut that door before we are through it. Without raw sockets nmap makes TCP connect
# scans; ping, mtr, traceroute and dig work all the same (net.ipv4.ping_group_range).
set -eu
raise=/usr/local/libexec/netsonde/setpriv-net-raw
if "$raise" --inh-caps=+net_raw --ambient-caps=+net_raw -- true 2>/dev/null; then
  exec "$raise" --no-new-privs --inh-caps=+net_raw --ambient-caps=+net_raw -- "$@"
fi
exec setpriv --no-new-privs -- "$@"
