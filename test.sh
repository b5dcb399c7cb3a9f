#!/usr/bin/env bash
# Sets up what is missing, builds, and runs the tests.
#
#   ./test.sh                 release build, all tests (about 40 minutes on 2 cores once it is built)
#   ./test.sh --label unit    only the tests with this label: unit mpi golden pipeline architecture slurm fuzz gpu
#   ./test.sh --full          also the sanitizers, longer fuzzing and the whole fault campaign
#   FUZZ_SECONDS=N            how long --full fuzzes each target; default 60

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

label="" full=no
while [ $# -gt 0 ]; do
  case "$1" in
    --label) label="${2:?--label needs a name}"; shift 2 ;;
    --full) full=yes; shift ;;
    -h|--help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "test.sh: unknown option $1 (see ./test.sh --help)" >&2; exit 2 ;;
  esac
done

# shellcheck source=setup.sh
source ./setup.sh
westofn_setup release

run_ctest() {  # PRESET [ctest options]
  local preset="$1"; shift
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$(nproc)" "$@"
}

westofn_sanitize() {
  westofn_build asan tests/unit/all tests/fuzz/all
  run_ctest asan -L '^(unit|fuzz)$'
  # Ranks as threads of one process; nothing else that is ours shares memory between threads.
  westofn_build tsan communicator_test
  run_ctest tsan -R '^unit\.communicator_test$'
}

# Every fuzz target under libFuzzer, from its own seeds (which the asan build writes) and what earlier runs found.
westofn_fuzz() {
  if ! command -v clang++-14 >/dev/null; then
    westofn_say "no clang++-14 here: libFuzzer is skipped"
    return
  fi
  westofn_build fuzz tests/fuzz/all
  local program name folder
  for program in build/fuzz/tests/fuzz/fuzz_*; do
    name="$(basename "$program")" folder="build/fuzz/runs/$(basename "$program")"
    mkdir -p "$folder/corpus"
    "build/asan/tests/fuzz/$name" --write-seeds "$folder/seeds"
    westofn_say "fuzzing $name for ${FUZZ_SECONDS:-60} s"
    "$program" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -artifact_prefix="$folder/" \
      "$folder/corpus" "$folder/seeds" >"$folder/log" 2>&1 ||
      { tail -40 "$folder/log" >&2
        westofn_die "$name failed; run build/asan/tests/fuzz/$name --input FILE with the file that $folder/log names"; }
  done
}

if [ "$full" = yes ]; then
  westofn_sanitize
  westofn_fuzz
  export WESTOFN_TEST_FULL=1
fi
run_ctest release ${label:+-L "$label"}
