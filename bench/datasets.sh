#!/bin/bash
# Builds the benchmark data sets under $DATA (default /opt/data). Idempotent: a
# finished set leaves $DATA/.done-NAME and is skipped. Needs root (apt), a
# Debian 12 machine, python3, e2fsprogs, rsync, xz-utils. About 35 GB of disk,
# 10-15 minutes.
#   datasets.sh [source blob many]      (default: all)
set -euo pipefail
DATA=${DATA:-/opt/data}
HERE=$(cd "$(dirname "$0")" && pwd)
DEB=$DATA/deb
mkdir -p "$DEB"
export LC_ALL=C SOURCE_DATE_EPOCH=1700000000
# With an old list, `next` would be an older release than there is.
apt-get -qq update || :
command -v rsync >/dev/null || apt-get -qq install -y --no-install-recommends rsync attr xz-utils time >/dev/null
want=("$@"); [ ${#want[@]} -gt 0 ] || want=(source blob many)
has() { local w; for w in "${want[@]}"; do [ "$w" = "$1" ] && return 0; done; return 1; }
log() { echo "[$(date +%T)] $*" >&2; }

# get PKG[=VERSION]... : .deb files into $DEB; a package that is gone is reported and left out
get() {
  local p
  for p in "$@"; do
    [ -e "$DEB/.got-$p" ] && continue
    if (cd "$DEB" && apt-get -qq -o APT::Sandbox::User=root download "$p" >/dev/null 2>&1); then touch "$DEB/.got-$p"
    else log "not available, left out: $p"; fi
  done
}
# unpack PKG DEST: data part of the newest $DEB/PKG_*.deb into DEST
unpack() {
  local f
  f=$(find "$DEB" -name "$1_*.deb" | sort -V | tail -1)
  [ -n "$f" ] || return 0
  mkdir -p "$2"; dpkg-deb --fsys-tarfile "$f" | tar -C "$2" -x --no-same-owner
}

mk_source() {
  # a real kernel point-release upgrade: oldest and newest version the mirror still has
  local vers old new
  vers=$(apt-cache madison linux-source-6.1 | awk -F'|' '{gsub(/ /,"",$2);print $2}' | sort -uV)
  old=${SOURCE_OLD:-6.1.170-3}; new=${SOURCE_NEW:-6.1.192-2}
  grep -qx -- "$old" <<<"$vers" || [ -e "$DEB/.got-linux-source-6.1=$old" ] || old=$(head -1 <<<"$vers")
  grep -qx -- "$new" <<<"$vers" || [ -e "$DEB/.got-linux-source-6.1=$new" ] || new=$(tail -1 <<<"$vers")
  log "source: $old -> $new"
  get "linux-source-6.1=$old" "linux-source-6.1=$new"
  local t=$DATA/.tmp-src; rm -rf "$t" "$DATA/source" "$DATA/source-next"; mkdir -p "$t/new" "$DATA/source"
  dpkg-deb --fsys-tarfile "$DEB"/linux-source-6.1_"$old"_all.deb | tar xO ./usr/src/linux-source-6.1.tar.xz |
    xz -dc | tar -C "$DATA/source" --strip-components=1 -x --no-same-owner &
  dpkg-deb --fsys-tarfile "$DEB"/linux-source-6.1_"$new"_all.deb | tar xO ./usr/src/linux-source-6.1.tar.xz |
    xz -dc | tar -C "$t/new" --strip-components=1 -x --no-same-owner
  wait
  # next = old tree with only changed content replaced (as a checkout does): unchanged files keep their mtime
  cp -a "$DATA/source" "$DATA/source-next"
  rsync -rlp --checksum --delete --out-format='%n' "$t/new/" "$DATA/source-next/" > "$DATA/source-changed.txt"
  (cd "$t/new" && while IFS= read -r f; do [ ! -f "$f" ] || touch -h -r "$f" "$DATA/source-next/$f"; done) < "$DATA/source-changed.txt"
  # directories: a directory whose entries changed gets the newer mtime of the upgrade, the rest keep theirs
  touch -r "$DATA/source-next/Makefile" "$t/stamp"
  find "$DATA/source-next" -type d -newer "$t/stamp" -exec touch -r "$t/stamp" {} +
  echo "$old $new" > "$DATA/source-versions.txt"
  rm -rf "$t"
}

mk_blob() {
  local t=$DATA/.tmp-blob p; rm -rf "$t"; mkdir -p "$t"
  local pk=(libreoffice-core libreoffice-common chromium llvm-14-dev libllvm14 golang-1.19-src golang-1.19-go
    openjdk-17-jdk-headless openjdk-17-jre-headless qemu-system-x86 blender blender-data rustc libstd-rust-1.63 gcc-12 g++-12 libgcc-12-dev cpp-12
    firefox-esr thunderbird gimp gimp-data inkscape python3.11 libpython3.11-stdlib perl-modules-5.36 texlive-latex-extra texlive-latex-recommended
    fonts-noto-core fonts-noto-cjk libwebkit2gtk-4.1-0 libboost1.74-dev git emacs-common emacs-el vim-runtime postgresql-15 mariadb-server-core
    nodejs npm valgrind gdb clang-14 libclang-cpp14 libclang-14-dev wine64 libwine ghc mono-devel r-base-core octave
    libreoffice-l10n-de racket ocaml scala samba-libs ceph-common libqt5webengine5 qt6-base-dev gcc-12-source
    libboost1.74-doc stellarium-data fonts-noto-extra binutils-x86-64-linux-gnu cmake calibre erlang-base erlang-dev golang-1.19-doc)
  get "${pk[@]}"
  for p in "${pk[@]}"; do
    [ "$(du -sm "$t" | cut -f1)" -gt 3500 ] && break
    unpack "$p" "$t"
  done
  log "blob: $(du -sm "$t" | cut -f1) MB of packages in the image"
  rm -f "$DATA"/blob/disk.img "$DATA"/blob-next/disk.img; mkdir -p "$DATA/blob" "$DATA/blob-next"
  truncate -s 4G "$DATA/blob/disk.img"
  mkfs.ext4 -q -F -i 8192 -m 0 -E root_owner=0:0,lazy_itable_init=0,hash_seed=0b5b2c6e-0000-4000-8000-000000000001 \
     -U 0b5b2c6e-0000-4000-8000-000000000002 -d "$t" "$DATA/blob/disk.img"
  rm -rf "$t"
  python3 "$HERE/mkchanged.py" "$DATA/blob/disk.img" "$DATA/blob-next/disk.img"
  touch -d @1690000000 "$DATA/blob/disk.img"; touch -d @1690100000 "$DATA/blob-next/disk.img"
}

mk_many() { rm -rf "$DATA/many"; python3 "$HERE/mkmany.py" "$DATA/many"; }

for s in source blob many; do
  has "$s" || continue
  [ -e "$DATA/.done-$s" ] && { log "$s: there already"; continue; }
  log "$s: building"; "mk_$s"; touch "$DATA/.done-$s"; log "$s: done"
done
for d in source source-next blob blob-next many; do
  [ ! -d "$DATA/$d" ] || echo "$d $(find "$DATA/$d" | wc -l) entries, $(du -sm --apparent-size "$DATA/$d" | cut -f1) MiB"
done
