// SPDX-License-Identifier: Apache-2.0
#include "app/stop.h"

#include <array>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "util/clock.h"

namespace westofn::app {
namespace {

volatile std::sig_atomic_t stop_signal = 0;

extern "C" void note_signal(int signal) {
  stop_signal = signal;
  // The next one is not ours: whoever sends it twice wants the process gone.
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGUSR1, SIG_DFL);
}

constexpr std::array<int, 2> handled_signals = {SIGTERM, SIGUSR1};

std::optional<double> slurm_end_unix_s() {
  const char* text = std::getenv("SLURM_JOB_END_TIME");
  if (text == nullptr) return std::nullopt;
  double value = 0;
  const char* end = text + std::strlen(text);
  const auto [parsed, error] = std::from_chars(text, end, value);
  if (error != std::errc{} || parsed != end || value <= 0) return std::nullopt;
  return value;
}

}  // namespace

StopControl::StopControl(std::optional<double> max_hours) {
  if (max_hours) {
    end_steady_s_ = steady_seconds() + *max_hours * 3600;
  } else if (const auto end = slurm_end_unix_s()) {
    end_steady_s_ = steady_seconds() + (*end - unix_seconds());
  }
  stop_signal = 0;
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : handled_signals) sigaction(signal, &action, nullptr);
}

StopControl::~StopControl() {
  // A job that is done does not stop in time: a late signal must not end it with an error while the process ends.
  for (const int signal : handled_signals) std::signal(signal, SIG_IGN);
}

bool StopControl::signalled() const { return stop_signal != 0; }

std::optional<double> StopControl::remaining_s() const {
  if (!end_steady_s_) return std::nullopt;
  return *end_steady_s_ - steady_seconds();
}

bool StopControl::may_start(double needed_s) const {
  if (signalled()) return false;
  const auto left = remaining_s();
  return !left || *left > 2 * needed_s;
}

}  // namespace westofn::app
