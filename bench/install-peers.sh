#!/bin/bash
# Installs the peers into $P (PEERS, default /opt/peers) on a fresh Debian 12 machine with apt, pip and cargo configured.
# Idempotent: what is there is left. Newer Go programs come from the newest suite of the configured Debian mirror
# (index in $P/apt, the machine's own apt configuration is untouched). About 15 minutes, most of it rustic.
#   install-peers.sh [NAME...]      (default: all; NAME as in the adapters: restic, bupstash, borg, borg2, rustic, ...)
set -uo pipefail
want=("$@")
wanted() { [ ${#want[@]} -eq 0 ] || [[ " ${want[*]} " == *" $1 "* ]]; }
export P=${PEERS:-/opt/peers} CARGO_BUILD_JOBS=${CARGO_BUILD_JOBS:-2} DEBIAN_FRONTEND=noninteractive
SUITE=${SUITE:-sid}; mkdir -p "$P"/{bin,log,deb,src}
apt-get -qq -o DPkg::Lock::Timeout=300 update
apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends libsodium-dev pkg-config libacl1-dev liblz4-dev libzstd-dev libxxhash-dev libssl-dev \
  librsync-dev zstd rsync time attr python3-venv casync xz-utils mmdebstrap gpg >/dev/null
SRC=$P/apt/$SUITE/etc/x.sources; mkdir -p "$P/apt/$SUITE"/{lists/partial,etc}
sed -n '1,/^$/p' /etc/apt/sources.list.d/debian.sources | sed "s/^Suites:.*/Suites: $SUITE/" > "$SRC"
O=(-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$P/apt/$SUITE/etc" -o Dir::State::lists="$P/apt/$SUITE/lists"
   -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root)
missing() { wanted "$1" && [ ! -x "$P/bin/$1" ]; }
newer=()
for b in restic rclone restic-rest-server desync; do missing "$b" && newer+=("$b"); done
if [ ${#newer[@]} -gt 0 ]; then
  apt-get "${O[@]}" -qq update
  (cd "$P/deb" && apt-get "${O[@]}" -qq download "${newer[@]}" && for f in *.deb; do dpkg-deb -x "$f" x; done
   for b in "${newer[@]}"; do cp "x/usr/bin/$b" "$P/bin/"; done)
fi
! wanted borg || [ -x "$P/b1/bin/borg" ] || { python3 -m venv "$P/b1" && "$P/b1/bin/pip" -q install borgbackup; }
! { wanted duplicity || wanted rdiff-backup; } || [ -x "$P/pyt/bin/rdiff-backup" ] || { python3 -m venv "$P/pyt" && "$P/pyt/bin/pip" -q install duplicity rdiff-backup==2.2.6; }
if missing borg2; then
  # borg 2 beta needs a newer OpenSSL than Debian 12 has: a minimal tree of the newer system, started with that tree's own loader
  [ -d "$P/sidroot/usr" ] || mmdebstrap --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' --include=borgbackup2 "$SUITE" "$P/sidroot" "$SRC" > "$P/log/sidroot.log" 2>&1
  cat > "$P/bin/borg2" <<'E'
#!/bin/sh
# borg 2 of a newer system, run with that system's loader, libc and python; no chroot
S=${P:-/opt/peers}/sidroot; L=$S/usr/lib/x86_64-linux-gnu
export PYTHONHOME=$S/usr PYTHONPATH=$S/usr/lib/borgbackup2:$S/usr/lib/python3/dist-packages
exec $L/ld-linux-x86-64.so.2 --library-path $L $S/usr/bin/python3 $S/usr/bin/borg2 "$@"
E
  chmod +x "$P/bin/borg2"
fi
for c in rustic-rs:rustic bupstash:bupstash conserve:conserve; do
  missing "${c#*:}" && CARGO_TARGET_DIR=$P/src/target nice -n 10 cargo install "${c%:*}" --locked --root "$P" > "$P/log/${c%:*}.log" 2>&1
done
rm -rf "$P/src/target"
PATH=$P/bin:$PATH
for v in "restic version" "rustic --version" "$P/b1/bin/borg --version" "borg2 --version" "bupstash version" "conserve --version" "rclone version" "restic-rest-server --version" \
  "$P/pyt/bin/duplicity --version" "$P/pyt/bin/rdiff-backup --version" "casync --version"; do $v 2>&1 | head -1 || echo "missing: $v"; done
