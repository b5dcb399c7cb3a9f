#!/usr/bin/env bash
# Sets up what is missing, builds, and runs the toy experiment on 2 ranks.
#
#   ./demo.sh            results in runs/toy; a second run finds them there

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
case "${1:-}" in
  "") ;;
  -h|--help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "demo.sh: unknown option $1 (see ./demo.sh --help)" >&2; exit 2 ;;
esac

# shellcheck source=setup.sh
source ./setup.sh
westofn_setup release westofn

westofn=build/release/westofn
mpirun -n 2 "$westofn" prepare configs/toy/demo.yaml
echo
"$westofn" status runs/toy
echo
echo "The stages behind \`prepare\` (fine-tuning, tournament, reward models) are not there yet. Look at what was made:"
echo "  $westofn inspect runs/toy/prepare-*/pairs-00000.h5"
