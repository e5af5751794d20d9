#!/usr/bin/env bash
# Download the Debian package $1 and unpack it into $2: for programs that tests run and nobody should
# have installed, since Debian starts a service of theirs. Needs no root; what fails is only told.
set -u
package=$1 folder=$2
tell() {
  echo "$package could not be had ($1); the tests that run it are skipped" >&2
  exit 0
}
[ -e "$folder/$package.done" ] && exit 0
command -v apt-get >/dev/null || tell "no apt-get here"
mkdir -p "$folder"
cd "$folder" || tell "no folder $folder"
if ! apt-get download -qq "$package" 2>/dev/null; then
  [ "$(id -u)" -eq 0 ] && apt-get update -qq >&2
  apt-get download -qq "$package" 2>/dev/null || tell "apt-get download failed"
fi
for archive in "$package"_*.deb; do
  dpkg -x "$archive" . || tell "dpkg -x failed"
  rm -f "$archive"
done
touch "$package.done"
