#!/usr/bin/env bash
# Starts the unit under a real systemd, hardening and all: a Debian made by debootstrap boots in namespaces of its own,
# the exporter is installed there as docs/deploy/systemd.md says, reads a simulator with 25,000
# carriers, is reloaded and stopped, and started again with each of the drop-ins of the page.
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
# the N-th block in a language that the page shows
block() { awk -v opening="\`\`\`$1" -v n="$2" '/^```/ { on = 0 } on; $0 == opening && ++seen == n { on = 1 }' docs/deploy/systemd.md; }

say "a Debian with systemd"
mirror=$(apt-get indextargets --format '$(SITE)|$(CODENAME)|$(COMPONENT)' | sed -n 's/|bookworm|main$//p' | head -n 1)
debootstrap --variant=minbase --include=systemd,dbus,curl,ca-certificates,python3,python3-venv bookworm "$root" "$mirror" >"$work/log" 2>&1 \
  || { tail -n 20 "$work/log" >&2; exit 1; }

say "the exporter in it, as the page says"
mkdir "$root/wheels" "$root/src"
for lock in requirements.lock deploy/container/build.lock; do
  "$python" -m pip download --quiet --no-deps --require-hashes --only-binary=:all: --python-version 3.11 --dest "$root/wheels" -r "$lock"
done
tar -c --exclude __pycache__ requirements.lock pyproject.toml README.md LICENSE exporter deploy/container deploy/systemd | tar -x -C "$root/src"
chroot "$root" env PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels PIP_QUIET=1 bash -ec "cd /src; $(block sh 1)"
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
block sh 2 | sed "s/:10638/:$port/" >"$root/start.sh"
block sh 3 >"$root/group.sh"
mkdir "$root/drop-ins" "$root/tls"
for one in 1:one-api 2:tls 3:memory 4:group; do block ini "${one%:*}" >"$root/drop-ins/${one#*:}.conf"; done
"$python" -m trustme --quiet --dir "$root/tls"
# TasksMax= needs a controller that this version of control groups has only where the first does not have it
mkdir "$root/etc/systemd/system/ses-inventory-exporter.service.d"
printf '[Service]\nLimitNPROC=64\n' >"$root/etc/systemd/system/ses-inventory-exporter.service.d/tasks.conf"

cat >"$root/trial.sh" <<'END'
set -eu
unit=ses-inventory-exporter
trap 'journalctl --no-pager --unit $unit; systemctl exit 1' ERR EXIT
ready() { for _ in $(seq 30); do curl -skf "$1://127.0.0.1:$PORT/-/ready" && echo && return; sleep 1; done; return 1; }
tried() {
  systemctl stop $unit
  systemctl clean --what=state $unit
  cp "/drop-ins/$1.conf" /etc/systemd/system/$unit.service.d/tried.conf
  systemctl daemon-reload
  systemctl start $unit
  ready "$2" >/dev/null
  echo "works with the page's drop-in $1"
}
bash -e /start.sh
main=$(systemctl show --property MainPID --value $unit)
ready http
curl -sf "http://127.0.0.1:$PORT/metrics" | grep -c '^ses_inventory_carrier_info{' | sed 's/$/ carriers served/'
systemctl show --property StatusText $unit
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
secrets=/etc/ses-inventory-exporter/secrets
printf 'tls_server_config: {cert_file: server.crt, key_file: server.key}\n' >$secrets/web.yml
cp /tls/server.pem $secrets/server.crt
cp /tls/server.key $secrets/server.key
tried tls https
tried memory http
bash -e /group.sh
tried group http
sed -i '/^  tmf639:/,/basic_auth/d' /etc/ses-inventory-exporter/config.yaml
tried one-api http
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
"$python" -m exporter simulate --carriers 25000 --listen-address "127.0.0.1:$inventory" >/dev/null &
simulator=$!
# control groups of the second version alone, in mounts of their own, which end with it
timeout 240 unshare --mount bash -c '
  umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup
  exec systemd-nspawn --register=no --keep-unit --quiet --directory="$0" --boot' "$root" >"$work/boot" 2>&1 </dev/null || true
cat "$root/trial.log" 2>/dev/null || tail -n 20 "$work/boot"
test -e "$root/passed" || { echo "the unit does not work" >&2; exit 1; }
say "the unit works under a real systemd"
