#!/usr/bin/env bash
# Builds the image and runs it, where no registry of images can be reached: the base image is made by debootstrap
# under the name that the Dockerfile asks for (without the digest, which only the real one has), the wheels come
# from the lock as pip gets them here. Then simulator and exporter run from the image as they would in production:
# a foreign user, a root file system that cannot be written, no capability, no more than 64 tasks.
#
# Needs root and Debian's buildah, podman, crun and debootstrap. Everything is made in one folder, which is removed.
set -euo pipefail
cd "$(dirname "$0")/../.."

for tool in buildah podman crun debootstrap; do
  command -v "$tool" >/dev/null || { echo "$tool is missing. On Debian: apt-get install buildah podman crun debootstrap" >&2; exit 1; }
done
test "$(id -u)" = 0 || { echo "debootstrap needs root: run this as root" >&2; exit 1; }

# mounts of its own, which end with it; crun wants the second version of control groups alone
if test -z "${IMAGE_TEST_INSIDE:-}"; then IMAGE_TEST_INSIDE=yes exec unshare --mount bash "deploy/container/$(basename "$0")"; fi
umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup

python=${PYTHON:-.venv/bin/python}
image=localhost/ses-inventory-exporter:test
base=$(sed -n 's/^ARG PYTHON_IMAGE=//p' Dockerfile)
port=${PORT:-20638}
inventory=$((port + 1))
work=$(mktemp -d)
started=()
store=(--root "$work/store" --runroot "$work/run" --storage-driver vfs --log-level error)

finish() {
  for name in "${started[@]}"; do podman "${store[@]}" rm --force --time 5 "$name" >/dev/null 2>&1 || true; done
  umount "$work/store/vfs" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
say() { printf '%s\n' "== $*"; }

say "base image, made by debootstrap under the name $base"
mirror=$(apt-get indextargets --format '$(SITE)|$(CODENAME)|$(COMPONENT)' | sed -n 's/|bookworm|main$//p' | head -n 1)
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$work/base" "$mirror" >"$work/log" 2>&1 \
  || { tail -n 20 "$work/log" >&2; exit 1; }
container=$(buildah "${store[@]}" from scratch)
buildah "${store[@]}" add --quiet "$container" "$work/base" / >/dev/null
buildah "${store[@]}" config --env PATH=/usr/local/bin:/usr/bin:/bin "$container"
buildah "${store[@]}" commit --quiet "$container" "$base" >/dev/null
buildah "${store[@]}" rm "$container" >/dev/null

say "wheels, from the locks"
mkdir "$work/wheels"
for lock in requirements.lock deploy/container/build.lock; do
  # the base image has Debian's Python, whichever runs this
  "$python" -m pip download --quiet --no-deps --require-hashes --only-binary=:all: --python-version 3.11 --dest "$work/wheels" -r "$lock"
done
printf '[global]\nno-index = true\nfind-links = /wheels\n' >"$work/pip.conf"

say "image"
buildah "${store[@]}" build --quiet --isolation chroot --format docker --pull=never \
  --build-arg PYTHON_DIGEST= --build-arg VERSION=test --build-arg REVISION=image-test \
  --volume "$work/wheels:/wheels:ro" --volume "$work/pip.conf:/etc/pip.conf:ro" --tag "$image" . >/dev/null
buildah "${store[@]}" inspect --type image --format \
  'user {{.Docker.Config.User}}, entry point {{.Docker.Config.Entrypoint}}, health check {{.Docker.Config.Healthcheck.Test}}' "$image"
echo

run() {
  local name=$1
  shift
  started+=("$name")
  podman "${store[@]}" --cgroup-manager cgroupfs run --quiet --detach --name "$name" --runtime crun --network host --cgroups disabled \
    --ulimit "nofile=$(ulimit -Sn):$(ulimit -Hn)" --ulimit nproc=64:64 --no-healthcheck --read-only --read-only-tmpfs=false --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges "$@" >/dev/null
}
inside() { podman "${store[@]}" exec "$@"; }

# no service manager here runs the health check by the clock: it is asked below, in the container
say "simulator and exporter, from the image"
sed "s/simulator:10680/127.0.0.1:$inventory/" deploy/compose/demo.yaml >"$work/config.yaml"
cp deploy/compose/demo.password "$work/password"
run inventory "$image" simulate --carriers 25000 --listen-address "127.0.0.1:$inventory"
for _ in $(seq 60); do
  inside inventory ses-inventory-exporter healthcheck --url "http://127.0.0.1:$inventory/" >/dev/null 2>&1 && break
  sleep 1
done
run exporter \
  --volume "$work/config.yaml:/etc/ses-inventory-exporter/config.yaml:ro" \
  --volume "$work/password:/run/secrets/tmf638:ro" --volume "$work/password:/run/secrets/tmf639:ro" \
  --volume state:/var/lib/ses-inventory-exporter \
  --env SES_INVENTORY_STATE_FILE=/var/lib/ses-inventory-exporter/state \
  "$image" serve --config.file /etc/ses-inventory-exporter/config.yaml --web.listen-address "127.0.0.1:$port"

for _ in $(seq 60); do
  inside exporter ses-inventory-exporter healthcheck --url "http://127.0.0.1:$port/-/ready" >/dev/null 2>&1 && break
  sleep 1
done
inside exporter ses-inventory-exporter healthcheck --url "http://127.0.0.1:$port/-/ready" \
  || { podman "${store[@]}" logs exporter >&2; exit 1; }
metrics=$("$python" -c "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:$port/metrics').read().decode())")
grep -m 1 'ses_inventory_exporter_build_info{.*revision="image-test"' <<<"$metrics"
grep -c '^ses_inventory_carrier_info{' <<<"$metrics" | sed 's/$/ carriers served/'
say "as whom, and what it may write"
inside exporter python3 -c 'import os; print("user", os.getuid(), "group", os.getgid())'
inside exporter sh -c 'if touch /usr/x 2>/dev/null; then echo "the root file system can be written" >&2; exit 1; fi; echo "read-only root"'
inside exporter sh -c 'if command -v gcc pip; then echo "that does not belong into the image" >&2; exit 1; fi; echo "no compiler, no pip"'
podman "${store[@]}" stop --time 20 exporter >/dev/null
status=$(podman "${store[@]}" inspect --format '{{.State.ExitCode}}' exporter)
test "$status" = 0 || { echo "ended with exit status $status on SIGTERM" >&2; podman "${store[@]}" logs exporter >&2; exit 1; }
test -s "$(podman "${store[@]}" volume inspect --format '{{.Mountpoint}}' state)/state" \
  || { echo "no state file was written" >&2; exit 1; }
say "the demo, alone in its container"
podman "${store[@]}" stop --time 20 inventory >/dev/null
run demo "$image" demo --web.listen-address "127.0.0.1:$port"
for _ in $(seq 60); do
  inside demo ses-inventory-exporter healthcheck --url "http://127.0.0.1:$port/-/ready" 2>/dev/null && break
  sleep 1
done
inside demo ses-inventory-exporter healthcheck --url "http://127.0.0.1:$port/-/ready" >/dev/null \
  || { podman "${store[@]}" logs demo >&2; exit 1; }
say "stopped with exit status 0, its state kept, its demo shown: the image works"
