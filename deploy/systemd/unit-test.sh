#!/usr/bin/env bash
# Starts the unit under a real systemd, hardening and all: a Debian made by debootstrap boots in namespaces of its own,
# the exporter is installed there as docs/deploy/systemd.md says, reads a simulator, is reloaded and stopped.
#
# Needs root and Debian's debootstrap and systemd-container. Everything is made in one folder, which is removed.
set -euo pipefail
cd "$(dirname "$0")/../.."

for tool in debootstrap systemd-nspawn unshare; do
  command -v "$tool" >/dev/null || { echo "$tool is missing. On Debian: apt-get install debootstrap systemd-container" >&2; exit 1; }
done
test "$(id -u)" = 0 || { echo "debootstrap needs root: run this as root" >&2; exit 1; }

python=${PYTHON:-.venv/bin/python}
port=${PORT:-20648}
inventory=$((port + 1))
work=$(mktemp -d)
root=$work/root
simulator=
finish() {
  test -z "$simulator" || kill "$simulator" 2>/dev/null || true
  rm -rf --one-file-system "$work"
}
trap finish EXIT
say() { printf '%s\n' "== $*"; }

say "a Debian with systemd"
mirror=$(apt-get indextargets --format '$(SITE)|$(CODENAME)|$(COMPONENT)' | sed -n 's/|bookworm|main$//p' | head -n 1)
debootstrap --variant=minbase --include=systemd,dbus,curl,ca-certificates,python3,python3-venv bookworm "$root" "$mirror" >"$work/log" 2>&1 \
  || { tail -n 20 "$work/log" >&2; exit 1; }

say "the exporter in it, as the page says"
mkdir "$root/wheels" "$root/src"
for lock in requirements.lock deploy/container/build.lock; do
  "$python" -m pip download --quiet --require-hashes --only-binary=:all: --python-version 3.11 --dest "$root/wheels" -r "$lock"
done
tar -c --exclude __pycache__ requirements.lock pyproject.toml README.md LICENSE exporter deploy/container deploy/systemd | tar -x -C "$root/src"
installing=$(sed -n '/^```sh$/,/^```$/p' docs/deploy/systemd.md | sed '1d; /^```$/,$d')
chroot "$root" env PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels PIP_QUIET=1 bash -ec "cd /src; $installing"
printf 'simulator\n' | tee "$root/etc/ses-inventory-exporter/secrets/tmf638" >"$root/etc/ses-inventory-exporter/secrets/tmf639"
cat >"$root/etc/ses-inventory-exporter/config.yaml" <<END
apis:
  tmf638:
    url: http://127.0.0.1:$inventory/gstm/dataminer/tmf/api/v1/tmf638
    basic_auth: {username: monitor}
  tmf639:
    url: http://127.0.0.1:$inventory/gstm/dataminer/tmf/api/v1/tmf639
    basic_auth: {username: monitor}
web: {listen_address: "127.0.0.1:$port"}
END

cat >"$root/trial.sh" <<'END'
set -eu
unit=ses-inventory-exporter
trap 'journalctl --no-pager --unit $unit; systemctl exit 1' ERR EXIT
systemctl start $unit
for _ in $(seq 30); do curl -sf "http://127.0.0.1:$PORT/-/ready" && break; sleep 1; done
echo
curl -sf "http://127.0.0.1:$PORT/metrics" | grep -c '^ses_inventory_carrier_info{' | sed 's/$/ carriers served/'
systemctl show --property StatusText $unit
main=$(systemctl show --property MainPID --value $unit)
grep -E '^(Uid|CapEff|NoNewPrivs|Seccomp):' "/proc/$main/status"
systemctl reload $unit
sleep 2
test "$(systemctl is-active $unit)" = active
test "$(systemctl show --property MainPID --value $unit)" = "$main"
echo "reloaded, the same process"
systemctl stop $unit
test "$(systemctl show --property Result --value $unit)" = success
test -s /var/lib/private/$unit/state
echo "stopped, its state kept"
touch /passed
trap - EXIT
systemctl exit 0
END
cat >"$root/etc/systemd/system/trial.service" <<END
[Service]
Type=oneshot
Environment=PORT=$port
ExecStart=/bin/bash /trial.sh
StandardOutput=file:/trial.log
StandardError=file:/trial.log
TimeoutStartSec=3min
END
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../trial.service "$root/etc/systemd/system/multi-user.target.wants/trial.service"

say "boot"
"$python" -m exporter simulate --listen-address "127.0.0.1:$inventory" >/dev/null &
simulator=$!
# control groups of the second version alone, in mounts of their own, which end with it
timeout 240 unshare --mount bash -c '
  umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup
  exec systemd-nspawn --register=no --keep-unit --quiet --directory="$0" --boot' "$root" >"$work/boot" 2>&1 </dev/null || true
cat "$root/trial.log" 2>/dev/null || tail -n 20 "$work/boot"
test -e "$root/passed" || { echo "the unit does not work" >&2; exit 1; }
say "the unit works under a real systemd"
