#!/usr/bin/env bash
# Makes the Debian that images are built on where no registry can be reached: base.sh DIR, in DIR/base
# Ends with 75 when none could be had. Needs root and debootstrap.
set -euo pipefail
dir=$1

# One that was left half made holds most of its files, so only the end of it counts.
if [ ! -e "$dir/base.made" ]; then
  debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
    trixie "$dir/base" >"$dir/debootstrap.log" || {
    echo "No base could be made: $(tail -n 1 "$dir/debootstrap.log")" >&2
    exit 75
  }
  touch "$dir/base.made"
fi
