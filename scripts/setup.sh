#!/bin/sh
# Makes one environment from one lock, hashes checked: setup.sh DIR LOCK PYTHON [editable]
# uv does it in seconds; where it cannot be used (no wheel, a private index in pip's own
# configuration), pip does the same, slower.
set -eu
dir=$1 lock=$2 python=$3 project=${4:-}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
  echo "Pipeline Guard needs Python 3.11 or newer; '$python' is not. Try: make PYTHON=python3.12" >&2
  exit 1
}
[ -x "$dir/bin/python" ] || "$python" -m venv "$dir"
echo "Setting up $dir from $lock" >&2
if ! { "$dir/bin/python" -m pip install -q --require-hashes -r requirements/uv.txt \
  && "$dir/bin/uv" pip install -q --python "$dir/bin/python" --require-hashes --no-deps -r "$lock"; } 2>"$dir/uv.log"; then
  echo "uv could not do it ($(tail -n 1 "$dir/uv.log")); using pip" >&2
  "$dir/bin/python" -m pip install -q --require-hashes --no-deps -r "$lock"
fi
if [ -n "$project" ]; then
  "$dir/bin/python" -m pip install -q --no-deps --no-build-isolation -e .
fi
