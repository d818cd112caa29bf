#!/usr/bin/env bash
# Makes the Debian that images are built on where no registry can be reached: base.sh DIR, in DIR/base
# Ends with 75 when none could be had. Needs root and debootstrap.
set -euo pipefail
dir=$1

if [ ! -e "$dir/base/usr/bin/python3" ]; then
  debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
    trixie "$dir/base" >"$dir/debootstrap.log" || {
    echo "No base could be made: $(tail -n 1 "$dir/debootstrap.log")" >&2
    exit 75
  }
fi
