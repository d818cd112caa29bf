#!/usr/bin/env bash
# Starts a container engine of its own, gives it stand-ins for the images that compose.yaml names, as
# a registry may be out of reach, and runs a command with it: start.sh COMMAND…
# Everything lives below a temporary folder, or DIR, and is gone at the end. Needs root and Debian's
# docker.io and debootstrap. Where they cannot be had, it says so, and that is no failure of ours.
set -euo pipefail
cd "$(dirname "$0")/../.."

unable() {
  echo "Not run, for want of a container engine: $*" >&2
  exit 0
}
[ "$(id -u)" = 0 ] || unable "that needs root"
for program in docker dockerd debootstrap ip iptables-save pgrep; do
  command -v "$program" >/dev/null || unable "there is no $program"
done
! pgrep -x dockerd >/dev/null || unable "another one runs here, whose network it would take"

work=$(mktemp -d)
dir=${DIR:-$work}
engine=
before=$(iptables-save) || unable "iptables does not work here"
end() {
  docker ps -aq 2>/dev/null | xargs -r docker rm -f >/dev/null 2>&1 || true
  if [ -n "$engine" ]; then
    kill "$engine" 2>/dev/null && wait "$engine" 2>/dev/null || true
    ip link delete docker0 2>/dev/null || true
    iptables-restore <<<"$before" || true
  fi
  rm -rf "$work"
}
trap end EXIT

# Its socket's path must be short, so it is not below DIR.
export DOCKER_HOST="unix://$work/socket" DOCKER_CONFIG="$work/config" ENGINE_STARTED=1
dockerd --host "$DOCKER_HOST" --data-root "$work/data" --exec-root "$work/exec" \
  --pidfile "$work/pid" >"$work/log" 2>&1 &
engine=$!
for _ in $(seq 60); do
  docker version >/dev/null 2>&1 && break
  kill -0 "$engine" 2>/dev/null || unable "$(tail -n 3 "$work/log")"
  sleep 0.5
done
docker version >/dev/null || unable "$(tail -n 3 "$work/log")"

bash scripts/base.sh "$dir" || unable "it has no image to begin with"
tar -C "$dir/base" -c . | docker import - debian >/dev/null

# Where Debian is older than compose 2 and buildx, they come from the one that debootstrap made.
if ! docker compose version >/dev/null 2>&1 || ! docker buildx version >/dev/null 2>&1; then
  mkdir -p "$work/plugins" "$DOCKER_CONFIG"
  docker run --rm -v "$work/plugins:/plugins" debian sh -euc '
    apt-get update -qq && cd /tmp && apt-get download -qq docker-compose docker-buildx
    for package in *.deb; do dpkg -x "$package" /plugins; done' >/dev/null 2>&1 \
    || unable "docker-compose and docker-buildx could not be had"
  ln -s "$work/plugins/usr/libexec/docker/cli-plugins" "$DOCKER_CONFIG/cli-plugins"
fi

# What pip needs to reach an index from here is in the base, so that the build is the documented one.
cp -r tests/engine/images "$work/images"
bash scripts/pip-conf.sh >"$work/images/pip.conf"
cp -L /etc/ssl/certs/ca-certificates.crt "$work/images/"
image() { docker build -q -t "$1" -f "$work/images/$2.Dockerfile" "$work/images" >/dev/null; }
image "$(sed -n 's/^ARG BASE=//p' Dockerfile)" base
docker build -q -t pipeline-guard . >/dev/null
named() { sed -n "s|^    image: \(\(.*/\)\?$1:.*\)|\1|p" compose.yaml; }
for name in postgres redis prometheus; do
  image "$(named "$name")" "$name" || unable "there is nothing in place of $name's image"
done
"$@"
