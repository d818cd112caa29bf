#!/bin/sh
# Makes one environment from one lock, hashes checked: setup.sh DIR LOCK PYTHON [editable]
# uv does it in seconds; where it cannot (no wheel of it, a private index that only pip's own
# configuration knows), pip does the same, slower. Byte code is compiled here, so that the first
# start of the service is as quick as the second.
set -eu
dir=$1 lock=$2 python=$3 project=${4:-}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
  echo "Pipeline Guard needs Python 3.11 or newer; '$python' is not. Try: make PYTHON=python3.12" >&2
  exit 1
}
[ -x "$dir/bin/python" ] || "$python" -m venv "$dir"
echo "Setting up $dir from $lock" >&2

with_uv() {
  "$dir/bin/uv" pip install "$@" -q --compile-bytecode --python "$dir/bin/python" \
    --require-hashes --no-deps -r "$lock" 2>"$dir/uv.log"
}

# The machine's own certificates first (a company's proxy has its own), then uv's.
if ! { "$dir/bin/python" -m pip install -q --require-hashes -r requirements/uv.txt 2>"$dir/uv.log" \
  && { with_uv --system-certs || with_uv; }; }; then
  echo "uv could not do it ($(tail -n 1 "$dir/uv.log")); using pip" >&2
  "$dir/bin/python" -m pip install -q --require-hashes --no-deps -r "$lock"
fi
if [ -n "$project" ]; then
  "$dir/bin/python" -m pip install -q --no-deps --no-build-isolation -e .
  "$dir/bin/python" -m compileall -q src
fi
