# shellcheck shell=bash
# The life of a job: start, stop in time, restart. Every *.sbatch script sources this file, and then calls
#   westofn_begin EXPERIMENT.yaml [--set KEY=VALUE]... [--run-dir DIR]
#   westofn_step COMMAND [options]        as often as there are commands
#   westofn_finish
# A step that ends with anything but 0 ends the job: requeued where that helps, else with the code of the step.

set -uo pipefail

# The ranks hear of it once, whoever says it how often. The signal may come at any moment, also before the first rank.
westofn_forward_stop() {
  [ -z "${stop_forwarded:-}" ] || return 0
  stop_forwarded=yes
  [ -z "${job_name:-}" ] || westofn_note "$job_name is asked to stop"
  [ -z "${launched:-}" ] || kill -USR1 "$launched" 2>/dev/null || true
}
trap westofn_forward_stop USR1
# On TERM (preemption) Slurm tells the ranks itself; a second signal would end them at once.
trap : TERM

# shellcheck source=slurm/functions.sh
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

# Exit codes after which the same command goes on: stopped in time; a rank was lost (137, or 5 on those who waited for
# it) or terminated (143); the signal came while the program was being loaded (138).
westofn_resumable=" 5 85 137 138 143 "

westofn_begin() {
  westofn_load_site ""
  westofn_parse_experiment "$@"
  westofn_resolve_experiment
  mkdir -p "$run_dir/log"
  job_name="$SLURM_JOB_NAME ${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_}${SLURM_ARRAY_TASK_ID:-$SLURM_JOB_ID}"
  restarts_file="$run_dir/log/restarts-$SLURM_JOB_ID"
  westofn_export_environment
  westofn_note "$job_name begins on $SLURM_JOB_NODELIST, restart ${SLURM_RESTART_COUNT:-0}," \
    "SLURM_JOB_ID $SLURM_JOB_ID, until ${end_s:+$(date -d "@$end_s" +%FT%T)}"
  files_before="$(westofn_files)"
  westofn_count_idle_restarts
  [ ! -e "$stop_file" ] || westofn_give_up 85 "there is $stop_file; remove it and submit again to go on"
}

# What the ranks need to know, and `end_s`, the end of the job by the clock; empty if it has no limit.
westofn_export_environment() {
  export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"  # since 22.05 srun does not take it from sbatch
  export OMP_NUM_THREADS="$SRUN_CPUS_PER_TASK"
  local end
  end="$(scontrol -o show job "$SLURM_JOB_ID" | grep -o ' EndTime=[^ ]*' | head -1 | cut -d= -f2)"
  end_s="$(date -d "${end:-Unknown}" +%s 2>/dev/null || true)"
}

# COMMAND [options]: starts the program on all ranks and waits for it. Returns its exit code.
westofn_launch() {
  local command=() limit=()
  # The program stops by its own clock too, where no signal comes or a step would not end in time.
  [ -z "$end_s" ] ||
    limit=(--max-hours "$(awk -v s=$((end_s - margin_s - $(date +%s))) 'BEGIN { printf "%.6f", (s > 0 ? s / 3600 : 0) }')")
  case "$launcher" in
    srun) command=(srun --mpi="$mpi_type") ;;
    mpirun) command=(mpirun --map-by "ppr:$SLURM_NTASKS_PER_NODE:node") ;;
  esac
  "${command[@]}" "${launcher_options[@]}" "$program" "${limit[@]}" "$@" "$experiment" "${overrides[@]}" \
    --run-dir "$run_dir" &
  launched=$!
  # Not by `wait`: that may lose signals and exit codes when it is interrupted. Traps run between two sleeps.
  local code=0
  while kill -0 "$launched" 2>/dev/null; do
    [ ! -e "$stop_file" ] || westofn_forward_stop
    sleep 1
  done
  wait "$launched" || code=$?
  launched=""
  return "$code"
}

# All that the run has published, checkpoints included: what changes when a job gets on.
westofn_files() {
  find "$run_dir" -path "$run_dir/log" -prune -o -type f ! -name '.*' -printf '%P %s\n' 2>/dev/null | sort | cksum
}

# Restarts in a row without new files, whoever asked for them; gives up after too many.
westofn_count_idle_restarts() {
  idle_restarts=0
  local restart=0 idle=0 files=""
  if [ -f "$restarts_file" ]; then read -r restart idle files <"$restarts_file" || true; fi
  if [ "${SLURM_RESTART_COUNT:-0}" -gt "$restart" ] && [ "$files" = "$files_before" ]; then
    idle_restarts=$((idle + 1))
  fi
  printf '%s %s %s\n' "${SLURM_RESTART_COUNT:-0}" "$idle_restarts" "$files_before" >"$restarts_file"
  [ "$idle_restarts" -le "$max_idle_restarts" ] || westofn_give_up_idle 1
}

westofn_step() {
  local code=0
  [ -z "${stop_forwarded:-}" ] || westofn_end_early 85 "$1"  # before it has begun: nobody would tell its ranks
  westofn_launch "$@" || code=$?
  [ "$code" -eq 0 ] || westofn_end_early "$code" "$1"
}

# CODE COMMAND: puts the job back into the queue, or ends it.
westofn_end_early() {
  local code="$1" step="$2"
  if [ -e "$stop_file" ]; then
    westofn_give_up "$code" "stopped because of $stop_file; remove it and submit again to go on"
  fi
  if [[ "$westofn_resumable" != *" $code "* ]]; then
    westofn_give_up "$code" "\`westofn $step\` failed with code $code; the message is above in $(westofn_log_path)"
  fi
  if [ "$(westofn_files)" = "$files_before" ] && [ "$idle_restarts" -ge "$max_idle_restarts" ]; then
    westofn_give_up_idle "$code"
  fi
  westofn_note "$job_name: code $code after \`westofn $step\`; goes back into the queue"
  scontrol requeue "$SLURM_JOB_ID" || westofn_give_up "$code" "scontrol requeue was refused; submit again to go on"
  trap - TERM
  sleep 120  # Slurm ends this script
  exit "$code"
}

westofn_give_up_idle() {
  westofn_give_up "$1" "$idle_restarts restarts have made no new file (max_idle_restarts=$max_idle_restarts); look for the cause in $(westofn_log_path)"
}

# CODE WHY: ends the job, and with it the chain.
westofn_give_up() {
  westofn_note "$job_name ends with code $1: $2"
  westofn_note "$job_name: jobs that depend on it are cancelled. What is finished is kept: submit again to go on"
  exit "$1"
}

westofn_log_path() {
  scontrol -o show job "$SLURM_JOB_ID" | grep -o ' StdOut=[^ ]*' | head -1 | cut -d= -f2
}

westofn_finish() {
  westofn_note "$job_name is done after $SECONDS s"
}
