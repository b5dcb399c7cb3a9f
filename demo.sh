#!/usr/bin/env bash
# Sets up what is missing, builds, and runs the whole chain on the toy world with 2 ranks: data, policy, preference
# model, pools, tournament, reward models, table, report. About 3 minutes on 2 cores once it is built.
#
#   ./demo.sh            results in runs/toy; a second run finds them there
#   ./demo.sh --seed 2   another world, in runs/toy-2

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
seed=1
case "${1:-}" in
  "") ;;
  --seed) seed="${2:?--seed needs a number}" ;;
  -h|--help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "demo.sh: unknown option $1 (see ./demo.sh --help)" >&2; exit 2 ;;
esac

# shellcheck source=setup.sh
source ./setup.sh
westofn_setup release westofn

run="runs/toy"
[ "$seed" = 1 ] || run="runs/toy-$seed"
mpirun -n 2 build/release/westofn run configs/toy/demo.yaml --set "seed=$seed" --run-dir "$run"
.venv/bin/python analysis/report.py "$run"
cat <<END

What this shows: every stage works, from raw pairs to a judged reward model. hf50 was trained on half of the human
labels, west_of_n on these and as many pairs that no human labelled, hf100 on all labels. This is one seed of a toy
world, and one seed proves nothing: the README has all seeds.

  report     $run/report.html
  results    $run/results.h5     (build/release/westofn inspect $run/results.h5)
  log        $run/log
END
