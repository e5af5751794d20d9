#!/usr/bin/env bash
# Make the virtual environment $2 with the Python $1 and exactly the packages that $3 pins by hash.
set -eu
python=$1 venv=$2 lock=$3
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "netsonde needs Python 3.11 or newer; call make with PYTHON=/path/to/it" >&2
  exit 1
}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
echo "Installing the locked Python packages of $lock ..." >&2
"$venv/bin/pip" install -q --disable-pip-version-check --require-hashes -r "$lock" 2> >(grep -v '^WARNING: Location' >&2)
# The build back end comes from the lock file's neighbour, so that nothing unpinned runs.
"$venv/bin/pip" install -q --disable-pip-version-check --require-hashes -r requirements/build.txt 2> >(grep -v '^WARNING: Location' >&2)
"$venv/bin/pip" install -q --disable-pip-version-check --no-deps --no-build-isolation -e . 2> >(grep -v '^WARNING: Location' >&2)
