#!/usr/bin/env bash
# Builds the image without a container engine, and proves that it runs: image.sh [DIR]
# For machines that have buildah and no engine. The base is a Debian made here by debootstrap, as an
# image registry may be out of reach; BASE=name:tag takes another. Everything lives below DIR, by
# default a temporary folder that is removed at the end. Needs root. Ends with 75 when no base could
# be had, which says nothing about the image.
set -euo pipefail
cd "$(dirname "$0")/.."

dir=${1:-}
if [ -z "$dir" ]; then
  dir=$(mktemp -d)
  trap 'umount -q "$dir"/proof/* 2>/dev/null || true; rm -rf "$dir"' EXIT
fi
store=(buildah --root "$dir/storage" --runroot "$dir/run" --storage-driver vfs)
base=${BASE:-localhost/pipeline-guard-base}
certificates=/etc/ssl/certs

if [ -z "${BASE:-}" ]; then
  bash scripts/base.sh "$dir"
  made=$("${store[@]}" from scratch)
  "${store[@]}" copy -q "$made" "$dir/base" / >/dev/null
  "${store[@]}" commit -q "$made" "$base" >/dev/null
  "${store[@]}" rm "$made" >/dev/null
fi

bash scripts/pip-conf.sh >"$dir/pip.conf"
"${store[@]}" bud -q --isolation chroot --format docker --build-arg "BASE=$base" \
  --build-arg "VERSION=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' src/pipeline_guard/__init__.py)" \
  --build-arg "REVISION=$(git rev-parse HEAD)" \
  --secret "id=pip,src=$dir/pip.conf" --volume "$certificates:$certificates:ro" \
  --tag pipeline-guard . >"$dir/image.id"

made=$("${store[@]}" from "$(cat "$dir/image.id")")
root=$("${store[@]}" mount "$made")
echo "Base: $(du -sm "$dir/base" 2>/dev/null | cut -f1) MB." \
  "What the product adds: $(du -sm "$root/opt/pipeline-guard" | cut -f1) MB."
sh scripts/image-proof.sh "$root" "$dir/proof"
