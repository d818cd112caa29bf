#!/usr/bin/env bash
# What pip needs to reach an index from here, as a pip.conf: its own settings and certificates.
set -euo pipefail
python3 -m pip config list | sed -n "s/^\(global\|:env:\)\.\(index-url\|cert\)=/\2 = /p" \
  | tr -d "'" | sort -u -t= -k1,1 | sed '1i [global]'
