# shellcheck shell=bash
# Shared by scripts/try and scripts/test: messages, questions, root rights, Debian packages and Rust.
# It must not know what either script does. Callers set YES=1 to answer every question with yes; the environment
# cannot, since one of the questions is whether to delete backups.

readonly RUST_NEEDED=1.95
readonly CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
YES=""
# Set, it makes cd print where it went, into what callers capture.
unset CDPATH

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() {
  warn "error: $*"
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# Asks on the terminal; without one, or without an answer, the answer is no.
confirm() {
  [[ -z $YES ]] || return 0
  [[ -t 0 ]] || return 1
  local answer
  read -r -p "$1 [Y/n] " answer || return 1
  [[ $answer == "" || $answer == [yY]* ]]
}

# --- root rights ---------------------------------------------------------------------------------------------

is_root() { [[ $(id -u) -eq 0 ]]; }

# Whether root commands can run: as root, or through sudo. Asks for the password at most once, never with YES.
can_root() {
  is_root && return 0
  has sudo || return 1
  sudo -n true 2>/dev/null && return 0
  [[ -z $YES && -t 0 ]] && sudo -v
}

as_root() {
  if is_root; then "$@"; else sudo "$@"; fi
}

# --- versions ------------------------------------------------------------------------------------------------

# version_at_least HAVE NEEDED: compares dotted numbers; what follows the numbers is ignored.
version_at_least() {
  local -a have needed
  local i
  IFS=. read -r -a have <<<"${1%%[!0-9.]*}"
  IFS=. read -r -a needed <<<"$2"
  for i in "${!needed[@]}"; do
    ((10#${have[i]:-0} > 10#${needed[i]})) && return 0
    ((10#${have[i]:-0} < 10#${needed[i]})) && return 1
  done
  return 0
}

# --- Debian packages -----------------------------------------------------------------------------------------

apt_update() { as_root apt-get update -qq; }

# A machine that has just started may be installing its own updates: that is waited for.
apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o DPkg::Lock::Timeout=600 \
    --no-install-recommends "$@"
}

# The version that apt would install, without epoch; nothing when there is none.
apt_candidate() {
  has apt-cache || return 0
  apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: \([0-9]*:\)\{0,1\}\([0-9].*\)$/\2/p'
}

# --- Rust ----------------------------------------------------------------------------------------------------

# Whether both cargo and rustc are there and new enough.
rust_ok() {
  local tool version
  for tool in cargo rustc; do
    version=$("$tool" --version 2>/dev/null) || return 1
    version=${version#* }
    version_at_least "$version" "$RUST_NEEDED" || return 1
  done
}

# Looks where Rust is often installed without being on the PATH, and puts it there.
rust_find() {
  rust_ok && return 0
  local dir old=$PATH
  for dir in "${CARGO_HOME:-$HOME/.cargo}/bin" /usr/lib/rust-*/bin; do
    [[ -x $dir/cargo ]] || continue
    export PATH=$dir:$old
    rust_ok && return 0
  done
  export PATH=$old
  return 1
}

# The names of Debian or Ubuntu packages with a cargo that is new enough: first the plain ones, then those that
# Debian keeps current for its browsers, then Ubuntu's with a version in the name. Nothing when there are none.
rust_packages() {
  local suffix names
  has apt-cache || return 0
  names=$(apt-cache pkgnames cargo-1. 2>/dev/null | sed -n 's/^cargo\(-1\.[0-9]*\)$/\1/p' | sort -t. -k2,2nr)
  for suffix in "" -web $names; do
    if version_at_least "$(apt_candidate "cargo$suffix")" "$RUST_NEEDED"; then
      say "cargo$suffix rustc$suffix"
      return 0
    fi
  done
}

# Installs Rust, by apt where it is new enough there, else by rustup.
rust_install() {
  local packages
  packages=$(rust_packages)
  if [[ -n $packages ]]; then
    # shellcheck disable=SC2086 # a list of names
    apt_install $packages
  elif [[ -n $(apt_candidate rustup) ]]; then
    apt_install rustup
    rustup toolchain install stable --profile minimal -c clippy -c rustfmt || rust_give_up
  else
    rust_by_rustup || rust_give_up
  fi
  hash -r
  rust_find || rust_give_up
}

rust_by_rustup() {
  local script status
  has curl || apt_install curl
  confirm "Debian's Rust is too old here. Install Rust for this user from https://rustup.rs?" || return 1
  script=$(mktemp)
  curl --proto '=https' --tlsv1.2 -sSf -o "$script" https://sh.rustup.rs &&
    sh "$script" -y --profile minimal -c clippy -c rustfmt --no-modify-path
  status=$?
  rm -f "$script"
  return "$status"
}

rust_give_up() {
  die "Rust $RUST_NEEDED or newer is needed, and neither apt nor rustup could install it here.
Install it as https://rustup.rs says (or from your distribution), put cargo on the PATH, and start again."
}

# --- what a build needs --------------------------------------------------------------------------------------

# build_tools PACKAGE...: makes sure of a C compiler, certificates and Rust, and of these further packages.
build_tools() {
  local -a packages=("$@") names=("$@")
  local without_rust=""
  has cc || { packages+=(gcc libc6-dev) && names+=("a C compiler"); }
  [[ -e $CA_BUNDLE || -n ${SSL_CERT_FILE:-} ]] || { packages+=(ca-certificates) && names+=("ca-certificates"); }
  rust_find || { without_rust=1 && names+=("Rust $RUST_NEEDED or newer"); }
  ((${#names[@]})) || return 0

  say "Missing: $(join ', ' "${names[@]}")."
  has apt-get || die "there is no apt-get here; install what is missing by hand and start again"
  can_root || die "$(how_to_install "$without_rust" "${packages[@]}")"
  confirm "Install with apt?" || die "not installed; start again with --yes, or install by hand"
  apt_update
  ((${#packages[@]} == 0)) || apt_install "${packages[@]}"
  [[ -z $without_rust ]] || rust_install
}

# how_to_install WITHOUT_RUST PACKAGE...: the commands for somebody who is root.
how_to_install() {
  local without_rust=$1 rust=""
  shift
  [[ -z $without_rust ]] || rust=$(rust_packages)
  say "installing needs root, and sudo is not available here without a password. As root, run:"
  say "  apt-get update && apt-get install -y --no-install-recommends $(join " " "$@" ${rust:+"$rust"})"
  if [[ -n $without_rust && -z $rust ]]; then
    say "and install Rust $RUST_NEEDED or newer: the packages cargo and rustc where they are new enough after that update
(on Debian 12: cargo-web and rustc-web from its security suite), else as https://rustup.rs says"
  fi
}

# join SEPARATOR WORD...
join() {
  local separator=$1 first=${2:-}
  shift 2 || return 0
  printf '%s' "$first" "${@/#/$separator}"
}
