# shellcheck shell=bash
# The running and counting half of scripts/test: steps with their time, builds, nextest, and the closing line.
# Everything is built in the profile `quick`, so that tests, the programs they start and clippy share one set of
# dependencies. Needs FULL, NO_ROOT, FILTER and TARGET from its caller.

# Tests that need root, by name.
readonly ROOT_TESTS='test(/(^|::)root_/)'

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"; [[ -z $SUDO_KEEPER ]] || kill "$SUDO_KEEPER" 2>/dev/null || true' EXIT
FAILED=()
# Arguments that every build shares, for cargo and for nextest. Other features or another profile would compile
# everything once more.
BUILD=() NEXTEST=()
# How an ordinary user's tests become root, as an environment variable of cargo's.
ROOT_RUNNER="" SUDO_KEEPER=""

# step NAME COMMAND...: runs it to its end, whatever fails, and notes its time.
step() {
  local name=$1 began=$SECONDS status
  shift
  say "=== $name"
  set +e
  (
    set -e
    "$@"
  )
  status=$?
  set -e
  ((status == 0)) || FAILED+=("$name")
  printf '%5d s  %-18s %s\n' $((SECONDS - began)) "$name" "$( ((status)) && echo FAILED || echo ok)" | tee -a "$WORK/times"
}

# stop_if_failed [STEP]: ends here when STEP, or without one any step, has failed.
stop_if_failed() {
  ((${#FAILED[@]})) || return 0
  [[ -z ${1:-} || " ${FAILED[*]} " == *" $1 "* ]] || return 0
  warn "stopped after: ${FAILED[*]}"
  exit 1
}

# Test programs contain fail points; `cargo build` without this feature makes programs without them.
set_build() {
  local manifest features=""
  for manifest in bins/*/Cargo.toml; do
    ! grep -q '^test-hooks *=' "$manifest" || features+=",$(basename "$(dirname "$manifest")")/test-hooks"
  done
  local -a common=(--locked --workspace)
  [[ -z $features ]] || common+=(--features "${features#,}")
  BUILD=("${common[@]}" --profile quick)
  NEXTEST=("${common[@]}" --cargo-profile quick)
}

# Builds programs and tests, and puts the programs where a later build without fail points does not replace them.
build_all() {
  cargo build "${BUILD[@]}" --all-targets
  rm -rf "$TARGET/test-programs"
  mkdir "$TARGET/test-programs"
  cp "$TARGET"/quick/holdfast "$TARGET"/quick/holdfast-server "$TARGET/test-programs/"
}

# Chooses how tests that need root are run; asks for sudo here, once, and keeps its answer fresh.
allow_root() {
  [[ -z $NO_ROOT ]] && ! is_root || return 0
  can_root || die "some tests need root: run as root, have sudo, or give --no-root"
  local triple
  triple=$(rustc -vV | sed -n 's/^host: //p' | tr a-z- A-Z_)
  ROOT_RUNNER="CARGO_TARGET_${triple}_RUNNER=sudo -n -E --"
  # Without the output of this script, which its last sleep would hold open.
  while sleep 60; do sudo -n -v || true; done >/dev/null 2>&1 &
  SUDO_KEEPER=$!
}

# The expression of all tests that were asked for.
wanted() {
  local tests="all()"
  case $FILTER in
    "") ;;
    *"("*) tests="($FILTER)" ;;
    *) tests="test(~$FILTER)" ;;
  esac
  say "$tests"
}

# run_tests EXPRESSION: the wanted tests that match it; those that need root apart, unless this is root.
run_tests() {
  local which status=0
  which="$1 and $(wanted)"
  export HOLDFAST_TEST_PROGRAMS=$TARGET/test-programs HOLDFAST_TEST_NOT_RUN=$WORK/not-run
  # Made here: what root makes, other tests could not write to.
  : >>"$WORK/not-run"
  list "$which" only >>"$WORK/ignored"
  if [[ -n $NO_ROOT ]]; then
    nextest "$which and not $ROOT_TESTS" || status=1
    list "$which and $ROOT_TESTS" default >>"$WORK/need-root"
  elif is_root; then
    nextest "$which" || status=1
  else
    nextest "$which and not $ROOT_TESTS" || status=1
    nextest "$which and $ROOT_TESTS" "$ROOT_RUNNER" || status=1
  fi
  return "$status"
}

# list EXPRESSION default|only: the names of matching tests: all but those marked #[ignore], or only those.
list() {
  cargo nextest list "${NEXTEST[@]}" --message-format oneline --run-ignored "$2" -E "$1"
}

# nextest EXPRESSION [NAME=VALUE...]: runs the matching tests in this environment and counts them.
nextest() {
  local expression=$1 profile=default status=0
  shift
  [[ -z $FULL ]] || profile=full
  # Where nextest puts it even when CARGO_TARGET_DIR names another folder.
  local report=target/nextest/$profile/junit.xml
  rm -f "$report"
  env "$@" cargo nextest run "${NEXTEST[@]}" --profile "$profile" --no-tests=pass -E "$expression" || status=1
  [[ ! -e $report ]] || count "$report"
  return "$status"
}

# count REPORT: adds a line 'PASSED FAILED' from a JUnit report to the counts.
count() {
  local tests failures errors
  read -r tests failures errors <<<"$(total tests "$1") $(total failures "$1") $(total errors "$1")"
  echo "$((tests - failures - errors)) $((failures + errors))" >>"$WORK/counts"
}

# total ATTRIBUTE REPORT: a number of the report's outermost element.
total() { sed -n "s/^<testsuites .* $1=\"\([0-9]*\)\".*/\1/p" "$2"; }

run_doc_tests() {
  local status=0
  cargo test "${BUILD[@]}" --doc --quiet 2>&1 | tee "$WORK/doc" || status=1
  sed -n 's/^test result: .* \([0-9]*\) passed; \([0-9]*\) failed; .*/\1 \2/p' "$WORK/doc" >>"$WORK/counts"
  return "$status"
}

# Each fuzz target counts as a test.
run_fuzz() {
  local status=0
  scripts/fuzz ${YES:+--yes} | tee "$WORK/fuzz" || status=1
  echo "$(grep -c '^ok ' "$WORK/fuzz") $(grep -c '^FAILED ' "$WORK/fuzz")" >>"$WORK/counts"
  return "$status"
}

# report START: times, what was not run, the closing line; ends the script.
report() {
  local passed failed skipped left_out ignored not_run status=0 mark=""
  touch "$WORK"/{counts,need-root,ignored,not-run,notes}
  # A test that said so has ended before its checks, and was counted as passed; it may have said it twice.
  sort -u -k1,2 -o "$WORK/not-run" "$WORK/not-run"
  not_run=$(grep -c . "$WORK/not-run" || true)
  passed=$(awk -v not_run="$not_run" '{ n += $1 } END { print n - not_run }' "$WORK/counts")
  failed=$(awk '{ n += $2 } END { print n + 0 }' "$WORK/counts")
  left_out=$(grep -c . "$WORK/need-root" || true)
  ignored=$(grep -c . "$WORK/ignored" || true)
  skipped=$((left_out + ignored + not_run))
  say "=== times"
  cat "$WORK/times"
  printf '%5d s  altogether\n' $((SECONDS - $1))
  sort -u "$WORK/notes"
  ((left_out == 0)) || { say "Not run, because of --no-root:" && sed 's/^/  /' "$WORK/need-root"; }
  ((ignored == 0)) || { say "Not run, because marked #[ignore]:" && sed 's/^/  /' "$WORK/ignored"; }
  ((not_run == 0)) || { say "Not run here:" && sed 's/^/  /' "$WORK/not-run"; }
  ((${#FAILED[@]} == 0)) || { say "Failed steps: $(join ', ' "${FAILED[@]}")" && status=1; }
  if [[ -n $FILTER || -n $NO_ROOT ]]; then mark="partial: "; fi
  ((status || ignored + not_run == 0)) || status=3
  ((status || passed)) || { say "No test was run." && status=3; }
  say "$mark$passed passed, $failed failed, $skipped skipped"
  exit "$status"
}
