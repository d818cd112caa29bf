#!/bin/sh
# Runs an unpacked image as it runs in production and asks it: image-proof.sh ROOT DIR
# As user 10001 without any capability, its root file system read-only, with two writable folders:
# DATA_DIR and /tmp. Needs root, to mount.
set -eu
root=$1 dir=$2 port=18437
mkdir -p "$dir/root"

# The mounts are in a namespace of their own and end with it.
exec unshare --mount --pid --fork --kill-child sh -eu -c '
  root=$1 dir=$2 port=$3
  mount --bind "$root" "$dir/root"
  mount -o remount,bind,ro "$dir/root"
  mount -t tmpfs -o mode=1777 tmpfs "$dir/root/tmp"
  mount -t tmpfs -o mode=0700,uid=10001,gid=10001 tmpfs "$dir/root/var/lib/pipeline-guard"
  mount -t proc proc "$dir/root/proc"
  mount --bind /dev "$dir/root/dev"
  inside() {
    chroot "$dir/root" setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs \
      --inh-caps=-all --bounding-set=-all \
      env -i PATH=/opt/pipeline-guard/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 \
      PIPELINE_GUARD_DATA_DIR=/var/lib/pipeline-guard PIPELINE_GUARD_API_TOKEN=for-this-proof-only \
      "$@"
  }
  get() {
    inside python -c "import urllib.request as r; r.urlopen(\"http://127.0.0.1:$port/$1\", timeout=9)"
  }
  if inside touch /opt/pipeline-guard/x 2>/dev/null; then echo "The root is writable" >&2; exit 1; fi
  inside pipeline-guard --version
  printf "E: The requested URL returned error: 503\n" | inside pipeline-guard classify --json -
  inside pipeline-guard serve --host 0.0.0.0 --port "$port" &
  for _ in $(seq 120); do
    sleep 0.5
    if get readyz 2>/dev/null; then
      get login  # a page of the dashboard: its templates are in the image, too
      echo "The image is ready: read-only root, user 10001, no capabilities"
      kill $!; wait $! || true
      exit 0
    fi
  done
  echo "The image was not ready within a minute" >&2; exit 1
' sh "$root" "$dir" "$port"
