#!/usr/bin/env bash
# Submits an experiment to Slurm: checks it, prints the forecast, and chains the jobs that make what is not there yet.
#
#   slurm/submit.sh EXPERIMENT.yaml [options]
#     --set KEY=VALUE   replace a value of the experiment (can be given many times)
#     --run-dir DIR     where the results go (default: `scratch` of the site file, or runs/, and the experiment's name)
#     --site FILE       the settings of the site (default: WESTOFN_SITE, or slurm/site.conf)
#     --array K         cut pools and matches into K pieces, a job each
#     --one-job         all stages in one job
#     --dry-run         print what would be submitted, and submit nothing
#
# Called again it goes on with what is missing. slurm/README.md tells what happens then.

set -euo pipefail
# shellcheck source=slurm/functions.sh
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

read_arguments() {
  local site="" rest=()
  dry_run=no one_job=no pieces=""
  while [ $# -gt 0 ]; do
    case "$1" in
      -h|--help) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
      --dry-run) dry_run=yes; shift ;;
      --one-job) one_job=yes; shift ;;
      --site) site="${2:?--site needs a file}"; shift 2 ;;
      --array) pieces="${2:?--array needs a number}"; shift 2 ;;
      *) rest+=("$1"); shift ;;
    esac
  done
  westofn_load_site "$site"
  pieces="${pieces:-$array}"
  [[ "$pieces" =~ ^[1-9][0-9]*$ ]] || westofn_fail "--array $pieces: expected a whole number above 0"
  westofn_parse_experiment "${rest[@]}"
  [ "${#westofn_rest[@]}" -eq 0 ] || westofn_fail "unknown argument ${westofn_rest[0]} (see slurm/submit.sh --help)"
  [ "$dry_run" = yes ] || command -v sbatch >/dev/null || westofn_fail "there is no sbatch here; submit on a login node"
}

check_experiment() {
  westofn_resolve_experiment
  has_section policy || westofn_fail "$experiment has no section \`policy\`; \`westofn prepare\` is all there is to do"
  [ ! -e "$stop_file" ] || westofn_fail "there is $stop_file, which stops all jobs of this run; remove it first"
  local threads
  threads="$(sed -n '/^runtime:/,/^[^ ]/s/^  threads: *//p' <<<"$resolved")"
  [ "${threads:-1}" -le "$cpus_per_rank" ] ||
    westofn_fail "runtime.threads is $threads, but a rank has $cpus_per_rank cores: raise cpus_per_rank in $site_file"
  if [ "$gpus_per_node" -gt 0 ] && [ "$gpus_per_node" -ne "$ranks_per_node" ]; then
    westofn_say "warning: $ranks_per_node ranks for $gpus_per_node GPUs of a node; one rank a GPU is meant"
  fi
}

# Whether the experiment has entries under a key.
has_section() { grep -qE "^$1:\$" <<<"$resolved"; }

# The jobs of the chain, in their order.
choose_jobs() {
  if [ "$one_job" = yes ]; then jobs=(run); return; fi
  jobs=(models pools)
  if has_section recipes; then jobs+=(matches select); fi
  if has_section reward_models; then jobs+=(reward evaluate); fi
  # Where the jobs see GPUs and this machine sees none, the plan made here is that of another device.
  [ "$gpus_per_node" -eq 0 ] || return 0
  local plan job missing=()
  plan="$("$program" run --dry-run "$experiment" "${overrides[@]}" --run-dir "$run_dir" 2>&1)" ||
    westofn_fail "the plan cannot be made: $plan"
  plan="${plan//westofn: /}"
  printf '%s\n' "$plan"
  for job in "${jobs[@]}"; do
    is_complete "$(grep -E "^($(stages_of "$job"))-" <<<"$plan")" || missing+=("$job")
  done
  jobs=("${missing[@]}")
}

# Whether lines of a plan say that all their stages are there.
is_complete() { [ -n "$1" ] && ! grep -qvE '^[^ ]+  is there' <<<"$1"; }

stages_of() {
  case "$1" in
    models) echo 'prepare|tokenizer|sft|preference' ;;
    select) echo 'recipe' ;;
    *) echo "$1" ;;
  esac
}

is_array() { [ "$1" = pools ] || [ "$1" = matches ]; }

minutes_of() {
  awk -v hours="$(westofn_setting hours "$1")" 'BEGIN { m = hours * 60; print (m == int(m)) ? m : int(m) + 1 }'
}

# What it will take: the program's estimate, and what the jobs may use at most.
print_forecast() {
  local options=(--ranks $((nodes * ranks_per_node)) --hours-per-job "$hours")
  [ "$gpus_per_node" -gt 0 ] || options+=(--set runtime.device=cpu)
  [ -z "$gpu_memory_gb" ] || options+=(--memory "$gpu_memory_gb")
  [ -z "$rank_tflops" ] || options+=(--tflops "$rank_tflops")
  [ -z "$rank_bandwidth_gb" ] || options+=(--bandwidth "$rank_bandwidth_gb")
  "$program" estimate "$experiment" "${overrides[@]}" --run-dir "$run_dir" "${options[@]}" ||
    westofn_fail "the forecast cannot be made"
  local job tasks n ranks minutes total=0
  printf '\n%-10s %6s %6s %6s %6s %8s\n' job tasks nodes ranks GPUs minutes
  for job in "${jobs[@]}"; do
    tasks=1
    if is_array "$job"; then tasks="$pieces"; fi
    n="$(westofn_setting nodes "$job")" ranks="$(westofn_setting ranks_per_node "$job")" minutes="$(minutes_of "$job")"
    total=$((total + tasks * n * minutes))
    printf '%-10s %6d %6d %6d %6d %8d\n' "$job" "$tasks" "$n" $((n * ranks)) \
      $((n * $(westofn_setting gpus_per_node "$job"))) "$minutes"
  done
  awk -v minutes="$total" 'BEGIN { printf "at most %.2f node-hours, if no job is started again\n\n", minutes / 60 }'
}

# Jobs of this run folder that are still in the queue: another submission of the same experiment would only meet their
# locks, one of another experiment waits for them.
find_earlier_jobs() {
  after=() fingerprint="$(cksum <<<"$resolved" | cut -d' ' -f1)"
  local file="$run_dir/log/slurm-jobs" queued id print
  [ "$dry_run" = no ] && [ -f "$file" ] || return 0
  queued=" $(squeue -h -u "$(id -un)" -o %F | sort -u | tr '\n' ' ')"
  while read -r id print; do
    [[ "$queued" == *" $id "* ]] || continue
    [ "$print" != "$fingerprint" ] ||
      westofn_fail "job $id of this experiment is in the queue already; wait for it, or: scancel $id"
    after+=("$id")
  done <"$file"
  [ "${#after[@]}" -eq 0 ] || westofn_say "another experiment works in $run_dir: these jobs wait for ${after[*]}"
}

# JOB DEPENDENCY: submits a job and sets `job_id`.
submit_job() {
  local job="$1" dependency="$2" gpus minutes output="%x-%j"
  minutes="$(minutes_of "$job")" gpus="$(westofn_setting gpus_per_node "$job")"
  [ $((minutes * 60)) -gt "$margin_s" ] ||
    westofn_fail "$site_file: margin_s=$margin_s leaves nothing of the $minutes minutes of $job; lower it or raise hours"
  local options=(--parsable --job-name="westofn-$job" --nodes="$(westofn_setting nodes "$job")"
    --ntasks-per-node="$(westofn_setting ranks_per_node "$job")" --cpus-per-task="$(westofn_setting cpus_per_rank "$job")"
    --time="$minutes" --signal="B:USR1@$margin_s" --kill-on-invalid-dep=yes)
  local key value
  for key in account partition; do
    value="$(westofn_setting "$key" "$job")"
    [ -z "$value" ] || options+=("--$key=$value")
  done
  [ "$gpus" -eq 0 ] || options+=("$gpu_option$gpus")
  if is_array "$job"; then
    options+=(--array="0-$((pieces - 1))%$array_at_once")
    output="%x-%A_%a"
  fi
  options+=(--output="$run_dir/log/slurm-$output.out")
  [ -z "$dependency" ] || options+=(--dependency="$dependency")
  westofn_list_setting sbatch_options "$job"
  options+=("${westofn_list[@]}" "$westofn_slurm/$job.sbatch" "$experiment" "${overrides[@]}" --run-dir "$run_dir")
  if [ "$dry_run" = yes ]; then
    printf 'sbatch'; printf ' %q' "${options[@]}"; printf '\n'
    job_id="ID_OF_${job^^}"
    return
  fi
  job_id="$(sbatch "${options[@]}")" || westofn_fail "sbatch refused the job $job; the message is above" 1
  job_id="${job_id%%;*}"
  printf '%s %s\n' "$job_id" "$fingerprint" >>"$run_dir/log/slurm-jobs"
  westofn_note "submitted $job as job $job_id${dependency:+, $dependency}"
}

submit_chain() {
  local job dependency="" ids=()
  [ "${#after[@]}" -eq 0 ] || dependency="afterany:$(IFS=:; echo "${after[*]}")"
  export WESTOFN_SLURM="$westofn_slurm" WESTOFN_SITE="$site_file"
  [ "$dry_run" = yes ] || mkdir -p "$run_dir/log"
  for job in "${jobs[@]}"; do
    submit_job "$job" "$dependency"
    ids+=("$job_id")
    dependency="afterok:$job_id"
  done
  [ "$dry_run" = no ] || return 0
  cat <<END

jobs        ${ids[*]}
watch       squeue -u $(id -un) -j $(IFS=,; echo "${ids[*]}")
            tail -f $run_dir/log/slurm.log       what the jobs begin, end and ask for
            $program status $run_dir
stop        scancel ${ids[*]}                    at once; or in time, from any machine:
            touch $stop_file
go on       the same command again
END
}

read_arguments "$@"
check_experiment
choose_jobs
if [ "${#jobs[@]}" -eq 0 ]; then westofn_say "all stages of $experiment are there, in $run_dir"; exit 0; fi
print_forecast
find_earlier_jobs
submit_chain
