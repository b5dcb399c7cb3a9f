#!/usr/bin/env bash
# clang-tidy 14 finds nothing. Needs compile_commands.json in BUILD.
#
#   tests/architecture/check_tidy.sh BUILD        all cores, four minutes on 2; not the libraries that include LibTorch,
#                                                 which take half a minute a file: WESTOFN_TEST_FULL=1 adds them
set -euo pipefail
build="${1:?the build folder is missing}"
tidy=$(command -v clang-tidy-14 || true)
[ -n "$tidy" ] || { echo "no clang-tidy-14 here: skipped"; exit 77; }
[ -f "$build/compile_commands.json" ] || { echo "no compile_commands.json in $build"; exit 1; }
with_torch='^src/(model|inference|gradient|generation|scoring|training|synthesis|evaluation|chain)/'
mapfile -t files < <(find src jobs -name '*.cpp' ! -path '*/device/*' | sort |
  if [ "${WESTOFN_TEST_FULL:-}" = 1 ]; then cat; else grep -vE "$with_torch"; fi)
# Options of g++ that clang does not know are no finding.
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 4 "$tidy" --quiet -p "$build" --extra-arg=-Wno-unknown-warning-option
