#!/bin/sh
# Creates the virtual environment $1 and installs the pinned requirements into it. The Makefile calls this.
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
[ -n "$python" ] || fail "Python 3.11 or newer is needed, and none was found." "Name one: make PYTHON=/path/to/python3 …"

# A folder without a working pip is left over from an earlier attempt.
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        fail "$python cannot create virtual environments. On Debian and Ubuntu: apt-get install python3-venv"
    fi
    echo "Creating $venv with $("$python" --version) …"
    "$python" -m venv --clear "$venv"
fi

echo "Installing the pinned requirements (a minute or two, only once) …"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes --requirement requirements-dev.txt ||
    fail "The requirements could not be installed; the reason is above. Can this machine reach its package index?"
