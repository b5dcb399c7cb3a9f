#!/usr/bin/env bash
# What one change to demo.yaml does: every change on every seed, then a table of differences from the demo.
#
#   configs/toy/one_change.sh 101 102 103 104      results in runs/one-change/CHANGE/SEED; the same again goes on
#   configs/toy/one_change.sh --check              only checks the settings of every change
#
# `westofn` must be on the PATH. RANKS (2), RUNS (runs/one-change) and ONLY (names of changes; all) may be set; the
# teacher of teacher-pointwise is of as-is. A seed's changes share a run folder: what they have in common is made once.
set -euo pipefail
cd "$(dirname "$0")/../.."
demo=configs/toy/demo.yaml
ranks=${RANKS:-2} runs=${RUNS:-runs/one-change}
if [[ $# -eq 0 ]]; then sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; fi
if [[ $1 == --check ]]; then checking=yes seeds=(1); else checking=no seeds=("$@"); fi

wanted() { [[ -z ${ONLY:-} || " $ONLY " == *" $1 "* ]]; }

# NAME KEY=VALUE...: the demo with these settings.
change() {
  local name=$1 sets=(--set "seed=$seed") value
  shift
  if ! wanted "$name"; then return; fi
  for value in "$@"; do sets+=(--set "$value"); done
  if [[ $checking == yes ]]; then
    westofn validate "$demo" "${sets[@]}" > /dev/null || [[ $? -eq 3 ]]  # 3: valid, but a teacher is not made yet
    echo "$name: valid"
    return
  fi
  if [[ -e $runs/$name/$seed/results.h5 ]]; then return; fi
  mpirun -n "$ranks" westofn run "$demo" "${sets[@]}" --run-dir "$work"
  mkdir -p "$runs/$name/$seed"
  cp "$work/results.h5" "$runs/$name/$seed/"
}

# KEY=VALUE of the training of all three reward models.
of_all() { printf "reward_models.%s.train.$1\n" hf50 west_of_n hf100; }

# The teachers of two changes. Called after the demo as it is, when its folder has one reward-hf50 only.
make_teachers() {
  if wanted teacher-3000-labels && [[ ! -d $work-teachers/3000-labels ]]; then
    mpirun -n "$ranks" westofn preference "$demo" --set "seed=$seed" --run-dir "$work-teachers" \
      --set data.world.labelled_pairs=3000 --set preference_model.train.steps=450
    mv "$work-teachers"/preference-* "$work-teachers/3000-labels"
  fi
  if wanted teacher-pointwise && [[ ! -d $work-teachers/hf50 ]]; then
    mkdir -p "$work-teachers"
    cp -r "$work"/reward-hf50-* "$work-teachers/hf50"
  fi
}

for seed in "${seeds[@]}"; do
  work=$runs-work/$seed
  change as-is
  if [[ $checking == no ]]; then make_teachers; fi
  change teacher-3000-labels "preference_model.model=$work-teachers/3000-labels" preference_model.train.steps=0
  change teacher-40-steps preference_model.train.steps=40
  change teacher-10-steps preference_model.train.steps=10
  change teacher-from-policy preference_model.init=policy
  change teacher-pointwise recipes.west_of_64.rule=pointwise "recipes.west_of_64.teacher=$work-teachers/hf50"
  change labels-300 data.world.labelled_pairs=300 data.world.other_pairs=300
  change labels-1500 data.world.labelled_pairs=1500 data.world.other_pairs=1500
  change labels-noisy data.world.beta=0.8
  change labels-clean data.world.beta=10
  change prompts-150 data.world.unlabelled_prompts=150
  change prompts-2400 data.world.unlabelled_prompts=2400
  change pairs-of-novices 'data.world.pair_skills=[1, 0, 0]'
  change pairs-of-experts 'data.world.pair_skills=[0, 0, 1]'
  mapfile -t few < <(of_all steps=75)
  change steps-75 "${few[@]}"
  mapfile -t many < <(of_all steps=300)
  change steps-300 "${many[@]}"
  change prompts-2400-steps-300 data.world.unlabelled_prompts=2400 "${many[@]}"
done
base=()
if [[ -d $runs/as-is ]]; then base=(--base as-is); fi
if [[ $checking == no ]]; then .venv/bin/python analysis/sweep.py "$runs" "${base[@]}"; fi
