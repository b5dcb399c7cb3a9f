#!/usr/bin/env bash
# clang-format 14 finds nothing to change. `tests/architecture/check_format.sh --fix` changes it.
set -euo pipefail
format=$(command -v clang-format-14 || true)
[ -n "$format" ] || { echo "no clang-format-14 here: skipped"; exit 77; }
mapfile -t files < <(find src jobs tests -name '*.h' -o -name '*.cpp')
if [ "${1:-}" = --fix ]; then
  "$format" -i "${files[@]}"
else
  "$format" --dry-run --Werror "${files[@]}"
fi
