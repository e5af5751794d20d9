#!/usr/bin/env bash
# Install the Debian packages named as arguments when root; else print the one line that does.
set -eu
export PATH="$PATH:/usr/sbin:/sbin"
missing=()
for package in "$@" python3-venv; do
  case "$package" in
    bubblewrap) command -v bwrap >/dev/null && continue ;;
    mtr-tiny) command -v mtr >/dev/null && continue ;;
    iputils-ping) command -v ping >/dev/null && continue ;;
    dnsutils) command -v dig >/dev/null && continue ;;
    iproute2) command -v ip >/dev/null && continue ;;
    dnsmasq-base) command -v dnsmasq >/dev/null && continue ;;
    nftables) command -v nft >/dev/null && continue ;;
    netbase) [ -e /etc/services ] && continue ;;
    util-linux) command -v unshare >/dev/null && command -v setpriv >/dev/null && continue ;;
    python3-venv) python3 -c 'import ensurepip' 2>/dev/null && continue ;;
    *) command -v "$package" >/dev/null && continue ;;
  esac
  missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0
if ! command -v apt-get >/dev/null; then
  echo "These programs are needed and missing (Debian's names): ${missing[*]}" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "Needed and missing. Install with:" >&2
  echo "  sudo apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi
echo "Installing ${missing[*]} ..." >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >&2
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
