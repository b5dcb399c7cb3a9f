#!/usr/bin/env bash
# Sets up everything that demo.sh and test.sh need, and returns in seconds when it is there: Debian packages through
# apt (with sudo when not root), Python wheels in .venv, and the program in build/PRESET. Run alone it only sets up.
#
#   ./setup.sh [PRESET]     PRESET: release (default), dev, asan, tsan, fuzz
#   WESTOFN_TORCH=DIR       use this LibTorch (a folder with include/ and lib/) instead of the wheel in .venv
#   WESTOFN_PYTHON=EXE      the Python (3.11 or newer) that makes .venv; default /usr/bin/python3
#   WESTOFN_JOBS=N          compile N files at a time; default: all cores

set -euo pipefail

westofn_root="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

westofn_say() { printf '[setup] %s\n' "$*" >&2; }
westofn_die() { printf '[setup] error: %s\n' "$*" >&2; exit 1; }

# Debian package names (the same on Ubuntu); what the build, the tests and the checks of the code need.
westofn_packages=(
  g++ cmake ninja-build ccache pkg-config python3 python3-venv
  openmpi-bin libopenmpi-dev libhdf5-openmpi-dev libboost-serialization-dev libsentencepiece-dev
  libcli11-dev libyaml-cpp-dev nlohmann-json3-dev libspdlog-dev libfmt-dev librandom123-dev libxxhash-dev zlib1g-dev
  libgtest-dev libgmock-dev
)
# Tools that only check: clang, and a Slurm, which tests/slurm starts for itself (libopenmpi-dev brings libpmix.so).
westofn_check_packages=(
  clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev shellcheck slurmctld slurmd slurm-client munge
)

westofn_missing() {
  local package
  for package in "$@"; do
    dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || printf '%s\n' "$package"
  done
}

westofn_install_packages() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    westofn_check_other_system
    return
  fi
  local missing wanted=() package as_root=()
  mapfile -t missing < <(westofn_missing "${westofn_packages[@]}")
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null && as_root=(sudo)
    if [ "${#missing[@]}" -gt 0 ] && [ "${#as_root[@]}" -eq 0 ]; then
      westofn_die "not root and no sudo. Ask your administrator for: ${missing[*]}"
    fi
  fi
  if [ "${#missing[@]}" -gt 0 ]; then
    westofn_say "updating the list of Debian packages"
    "${as_root[@]}" apt-get update -qq || westofn_die "apt-get update failed; check the network and /etc/apt"
    for package in "${missing[@]}"; do
      apt-cache show "$package" >/dev/null 2>&1 ||
        westofn_die "this system has no package $package (Debian 12, Ubuntu 24.04 or newer is expected)"
    done
  fi
  # Tools that only check are not in every release, and nobody is asked for a password for them.
  for package in $(westofn_missing "${westofn_check_packages[@]}"); do
    if apt-cache show "$package" >/dev/null 2>&1 && { [ "$(id -u)" -eq 0 ] || [ "${#missing[@]}" -gt 0 ]; }; then
      wanted+=("$package")
    else
      westofn_say "no package $package: the tests that need it are skipped"
    fi
  done
  wanted+=("${missing[@]}")
  [ "${#wanted[@]}" -gt 0 ] || return 0
  westofn_say "installing ${#wanted[@]} Debian packages: ${wanted[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" \
    >/dev/null || westofn_die "apt-get could not install: ${wanted[*]}"
}

# Not Debian: say exactly what is missing, under the names that Debian gives it.
westofn_check_other_system() {
  local lacking=() entry
  for entry in "g++:g++ 12 or newer" "cmake:cmake 3.25 or newer" "ninja:ninja-build" "mpicc:libopenmpi-dev (Open MPI)" \
               "h5pcc:libhdf5-openmpi-dev (parallel HDF5)" "python3:python3 3.11 or newer with venv"; do
    command -v "${entry%%:*}" >/dev/null || lacking+=("${entry#*:}")
  done
  local header
  for header in boost/archive/binary_oarchive.hpp:libboost-serialization-dev \
                boost/math/distributions/students_t.hpp:libboost-dev CLI/CLI.hpp:libcli11-dev \
                yaml-cpp/yaml.h:libyaml-cpp-dev nlohmann/json.hpp:nlohmann-json3-dev spdlog/spdlog.h:libspdlog-dev \
                Random123/philox.h:librandom123-dev xxhash.h:libxxhash-dev zlib.h:zlib1g-dev gtest/gtest.h:libgtest-dev \
                sentencepiece_processor.h:libsentencepiece-dev; do
    echo "#include <${header%%:*}>" | ${CXX:-g++} -x c++ -std=c++20 -E - >/dev/null 2>&1 || lacking+=("${header#*:}")
  done
  [ "${#lacking[@]}" -eq 0 ] && return 0
  westofn_say "this is not a Debian system; missing (by Debian's names):"
  printf '  %s\n' "${lacking[@]}" >&2
  westofn_die "load or install these (on a cluster: module load ...), then run this again"
}

westofn_install_wheels() {
  local venv="$westofn_root/.venv" wanted stamp
  wanted="$(cat "$westofn_root/requirements.txt")"
  # With a LibTorch of its own a site needs no torch wheel (4.8 GB).
  [ -z "${WESTOFN_TORCH:-}" ] || wanted="$(grep -vE '^(torch|nvidia-cuda-crt|nvidia-cuda-cccl)==' <<<"$wanted")"
  stamp="$venv/westofn-requirements"
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then return 0; fi
  local python="${WESTOFN_PYTHON:-/usr/bin/python3}"
  command -v "$python" >/dev/null || python=python3
  "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear "$venv" || westofn_die "$python -m venv failed"
  westofn_say "installing Python wheels into .venv (PyTorch with its CUDA libraries: about 5 GB)"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r <(printf '%s\n' "$wanted") ||
    westofn_die "pip could not install requirements.txt into .venv"
  printf '%s\n' "$wanted" >"$stamp"
}

westofn_build() {  # PRESET [ninja targets]: everything, or these targets
  local preset="$1"; shift
  local build="$westofn_root/build/$preset" options=()
  [ -z "${CI:-}" ] || options+=(-DWESTOFN_WERROR=ON)
  mkdir -p "$build"
  if [ ! -f "$build/build.ninja" ] || [ -n "${CI:-}" ]; then
    westofn_say "configuring build/$preset"
    (cd "$westofn_root" && cmake --preset "$preset" "${options[@]}" >"$build/configure.log" 2>&1) ||
      { tail -30 "$build/configure.log" >&2; westofn_die "CMake failed; the whole output is in build/$preset/configure.log"; }
  fi
  westofn_say "building build/$preset"
  ninja -C "$build" ${WESTOFN_JOBS:+-j "$WESTOFN_JOBS"} "$@" >"$build/build.log" 2>&1 ||
    { grep -E 'error|FAILED|warning' -A4 "$build/build.log" | head -60 >&2
      westofn_die "the build failed; the whole output is in build/$preset/build.log"; }
}

# What mpirun needs on one machine: to be allowed as root (containers), and more ranks than cores.
westofn_export_mpi() {
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
}

westofn_setup() {  # [PRESET [ninja targets]]
  local preset="${1:-release}"
  westofn_install_packages
  westofn_install_wheels
  westofn_build "$preset" "${@:2}"
  westofn_export_mpi
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  westofn_setup "$@"
  westofn_say "ready: build/${1:-release}/westofn --help"
fi
