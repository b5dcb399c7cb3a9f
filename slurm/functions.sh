# shellcheck shell=bash disable=SC2034
# What submit.sh and the job scripts share: the site's settings, the program, the run folder, the chain's log.

westofn_slurm="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
westofn_root="$(dirname "$westofn_slurm")"

westofn_say() { printf '[slurm] %s\n' "$*" >&2; }
westofn_fail() { westofn_say "error: $1"; exit "${2:-2}"; }

# Reads the site file: $1, or WESTOFN_SITE, or site.conf beside this file.
westofn_load_site() {
  site_file="${1:-${WESTOFN_SITE:-$westofn_slurm/site.conf}}"
  [ -f "$site_file" ] || westofn_fail "there is no site file $site_file; give one with --site or WESTOFN_SITE"
  site_file="$(realpath "$site_file")"
  # shellcheck source=slurm/site.conf
  source "$site_file"
  westofn_check_site
  load_modules || westofn_fail "load_modules of $site_file failed"
  case "$program" in
    /*) ;;
    *) program="$westofn_root/$program" ;;
  esac
  [ -x "$program" ] || westofn_fail "there is no program $program; build it, or set \`program\` in $site_file"
}

westofn_check_site() {
  local key
  for key in nodes gpus_per_node ranks_per_node cpus_per_rank array array_at_once margin_s max_idle_restarts; do
    [[ "${!key:-}" =~ ^[0-9]+$ ]] || westofn_fail "$site_file: $key=${!key:-}: expected a whole number"
  done
  for key in nodes ranks_per_node cpus_per_rank array array_at_once; do
    [ "${!key}" -ge 1 ] || westofn_fail "$site_file: $key=${!key}: expected 1 or more"
  done
  [[ "${hours:-}" =~ ^[0-9]*\.?[0-9]+$ ]] || westofn_fail "$site_file: hours=${hours:-}: expected a number, such as 0.5"
  case "${launcher:-}" in
    srun|mpirun) ;;
    *) westofn_fail "$site_file: launcher=${launcher:-}: expected srun or mpirun" ;;
  esac
}

# KEY STAGE: the value of KEY_STAGE if the site file has it, else that of KEY.
westofn_setting() {
  local own="$1_$2"
  if [ -n "${!own+set}" ]; then printf '%s' "${!own}"; else printf '%s' "${!1:-}"; fi
}

# Likewise for a list; it is left in the array `westofn_list`.
westofn_list_setting() {
  local -n common_list="$1"
  westofn_list=("${common_list[@]}")
  if declare -p "$1_$2" >/dev/null 2>&1; then
    local -n own_list="$1_$2"
    westofn_list=("${own_list[@]}")
  fi
}

# Sets `experiment`, `run_dir` and `overrides` from EXPERIMENT.yaml [--set KEY=VALUE]... [--run-dir DIR]; other arguments
# are left in `westofn_rest`.
westofn_parse_experiment() {
  experiment="" run_dir="" overrides=() westofn_rest=()
  while [ $# -gt 0 ]; do
    case "$1" in
      --set) overrides+=(--set "${2:?--set needs KEY=VALUE}"); shift 2 ;;
      --set=*) overrides+=(--set "${1#--set=}"); shift ;;
      --run-dir) run_dir="${2:?--run-dir needs a folder}"; shift 2 ;;
      --run-dir=*) run_dir="${1#--run-dir=}"; shift ;;
      -*) westofn_rest+=("$1"); shift ;;
      *) if [ -z "$experiment" ]; then experiment="$1"; else westofn_rest+=("$1"); fi; shift ;;
    esac
  done
  [ -n "$experiment" ] || westofn_fail "no experiment is given: EXPERIMENT.yaml is the first argument"
}

# Checks the experiment, and sets `resolved` (its text with all defaults) and `run_dir` (absolute).
westofn_resolve_experiment() {
  resolved="$("$program" --quiet validate "$experiment" "${overrides[@]}")" || exit 2
  local name
  name="$(sed -n 's/^name: *//p' <<<"$resolved" | tr -d "\"'")"
  run_dir="$(realpath -m "${run_dir:-${scratch:-runs}/$name}")"
  stop_file="$run_dir/log/STOP"
}

# Adds a line to the log of the chain and prints it.
westofn_note() {
  westofn_say "$*"
  printf '%s %s\n' "$(date -u +%FT%TZ)" "$*" >>"$run_dir/log/slurm.log"
}
