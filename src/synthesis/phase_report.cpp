// SPDX-License-Identifier: Apache-2.0
#include "synthesis/phase_report.h"

#include <algorithm>
#include <array>

#include "synthesis/account_text.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

namespace westofn::synthesis {
namespace {

using inference::Work;

/// The counters of Work, in the two types in which they add up.
constexpr std::array whole_counters = {&Work::encoder_tokens, &Work::encoder_rows, &Work::decoder_tokens,
                                       &Work::decoder_rows, &Work::decoder_steps};
constexpr std::array time_counters = {&Work::product_s, &Work::attention_s};

/// sum += sign * part.
void add(Work& sum, const Work& part, int sign) {
  for (const auto counter : whole_counters) sum.*counter += sign * part.*counter;
  for (const auto counter : time_counters) sum.*counter += sign * part.*counter;
}

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

/// "123.4" with as many digits as tell something.
std::string rate_text(double rate) { return fixed_text(rate, rate < 10 ? 2 : rate < 100 ? 1 : 0); }

std::string tokens_text(std::int64_t tokens, std::int64_t rows, const char* otherwise) {
  return std::to_string(tokens) + " tokens in " + std::to_string(rows) + " computed rows (" +
         percent_text(rows - tokens, rows) + " " + otherwise + ")";
}

std::string time_text(const PhaseTotals& totals) {
  const auto percent = [&](double seconds) { return fixed_text(100 * ratio(seconds, totals.busy_s), 1) + " % "; };
  const double rest = std::max(0.0, totals.busy_s - totals.work.product_s - totals.work.attention_s);
  return percent(totals.work.product_s) + "matrix products, " + percent(totals.work.attention_s) + "attention, " +
         percent(rest) + "all else";
}

}  // namespace

std::string phase_text(const PhaseTotals& totals, bool on_gpu) {
  const Work& work = totals.work;
  if (work.decoder_steps == 0) return "";
  std::vector<std::string> rates;
  for (const auto& item : totals.items) {
    rates.push_back(rate_text(ratio(static_cast<double>(item.count), totals.wall_s)) + " " + item.name + "/s");
  }
  const double all_s = totals.wall_s * static_cast<double>(totals.ranks);
  const std::vector<AccountLine> lines = {
      {"encoder", tokens_text(work.encoder_tokens, work.encoder_rows, "padding")},
      {"decoder", tokens_text(work.decoder_tokens, work.decoder_rows, "padding and ended rows")},
      {"decoder batches", std::to_string(work.decoder_steps) + ", of " +
                              fixed_text(share_of(work.decoder_tokens, work.decoder_steps), 1) +
                              " live rows in the mean"},
      {"time", on_gpu ? "the share of matrix products is not measured on GPUs: that would mean to wait for each"
                      : time_text(totals)}};
  return join_text(rates, ", ") + ": " + human_seconds(totals.wall_s) + " on " + std::to_string(totals.ranks) +
         (totals.ranks == 1 ? " rank" : " ranks") + ", at work " + fixed_text(100 * ratio(totals.busy_s, all_s), 0) +
         " % of it" + lines_text(lines);
}

PhaseMeter::PhaseMeter(model::Placement placement) : on_gpu_(!placement.device.is_cpu()), start_(steady_seconds()) {}

void PhaseMeter::run(const std::function<void()>& part) {
  const Work before = inference::work();
  const double start = steady_seconds();
  part();
  busy_s_ += steady_seconds() - start;
  add(work_, inference::work(), 1);
  add(work_, before, -1);
}

void PhaseMeter::count(const std::string& name, std::int64_t items) {
  auto entry = std::ranges::find(items_, name, &PhaseItems::name);
  if (entry == items_.end()) entry = items_.insert(items_.end(), {name, 0});
  entry->count += items;
}

void PhaseMeter::report(comm::Communicator& comm, const std::string& stage, std::span<const std::string> names) {
  PhaseTotals totals{comm.size(), comm.all_reduce(steady_seconds() - start_, comm::ReduceOp::max), 0, {}, {}};
  std::array<double, 1 + time_counters.size()> times = {busy_s_};
  for (std::size_t i = 0; i < time_counters.size(); ++i) times[i + 1] = work_.*time_counters[i];
  std::vector<std::int64_t> wholes;
  wholes.reserve(whole_counters.size() + names.size());
  for (const auto counter : whole_counters) wholes.push_back(work_.*counter);
  for (const auto& name : names) {
    count(name, 0);
    wholes.push_back(std::ranges::find(items_, name, &PhaseItems::name)->count);
  }
  comm.all_reduce(times, comm::ReduceOp::sum);
  comm.all_reduce(wholes, comm::ReduceOp::sum);
  totals.busy_s = times[0];
  for (std::size_t i = 0; i < time_counters.size(); ++i) totals.work.*time_counters[i] = times[i + 1];
  for (std::size_t i = 0; i < whole_counters.size(); ++i) totals.work.*whole_counters[i] = wholes[i];
  for (std::size_t i = 0; i < names.size(); ++i) {
    totals.items.push_back({names[i], wholes[whole_counters.size() + i]});
  }
  const std::string text = phase_text(totals, on_gpu_);
  if (comm.rank() == 0 && !text.empty()) log_info(stage + ": " + text);
}

}  // namespace westofn::synthesis
