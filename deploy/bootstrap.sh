#!/bin/sh
# Makes the virtual environment $1 and installs the pinned requirements into it. Called by the Makefile.
set -eu
venv=$1

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

is_recent() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

python=
for candidate in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
    if is_recent "$candidate"; then python=$candidate; break; fi
done
[ -n "$python" ] || fail "Python 3.11 or newer is needed, and no python3 here is." "Name one: make PYTHON=/path/to/python3 …"

# A folder without a working pip is what an earlier attempt left behind.
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        fail "$python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"
    fi
    echo "Making $venv with $("$python" --version) …"
    "$python" -m venv --clear "$venv"
fi

echo "Installing the pinned requirements (a minute or two, once) …"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes --requirement requirements-dev.txt ||
    fail "The requirements could not be installed; the reason is above. Is the package index within reach?"
