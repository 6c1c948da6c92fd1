#!/bin/sh
# Makes .venv from the lock file: with uv where it is on PATH, else with venv and pip. Called by the Makefile.
set -eu
python=${PYTHON:-python3}

if ! command -v "$python" >/dev/null 2>&1; then
    echo "inkstream needs Python 3.11 or newer, and '$python' is not on PATH: install it, or say PYTHON=/path/to/python3." >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "inkstream needs Python 3.11 or newer, and '$python' is $("$python" -c 'import platform; print(platform.python_version())'): say PYTHON=/path/to/python3.11." >&2
    exit 1
fi

if command -v uv >/dev/null 2>&1; then
    # Compiled once here: uv leaves it to the first run, and a run may be forbidden to write.
    uv venv --quiet --allow-existing --python "$python" .venv
    uv pip sync --quiet --compile-bytecode --require-hashes --python .venv/bin/python requirements/dev.txt
    uv pip install --quiet --no-deps --no-build-isolation --python .venv/bin/python -e .
else
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        echo "This Python has no venv: install the package python$version-venv (Debian, Ubuntu: apt install python$version-venv) and try again." >&2
        exit 1
    fi
    # An earlier run that broke off may have left half an environment: --clear starts it anew.
    "$python" -m venv --clear .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
fi
