// SPDX-License-Identifier: Apache-2.0
#include "app/stage_cost.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "io/append_line.h"
#include "io/file.h"
#include "io/json_text.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

namespace westofn::app {
namespace {

constexpr std::uint64_t costs_cap = std::uint64_t{1} << 30;

constexpr std::array<std::pair<StageOutcome, const char*>, 5> outcome_names = {
    {{StageOutcome::complete, "complete"},
     {StageOutcome::part, "part"},
     {StageOutcome::stopped, "stopped"},
     {StageOutcome::failed, "failed"},
     {StageOutcome::unfinished, "unfinished"}}};

std::string to_json(const StageCost& cost) {
  const nlohmann::ordered_json json = {{"attempt", cost.attempt},
                                       {"stage", cost.stage},
                                       {"part", cost.part},
                                       {"outcome", to_text(cost.outcome)},
                                       {"seconds", cost.seconds},
                                       {"ranks", cost.ranks},
                                       {"nodes", cost.nodes},
                                       {"gpus", cost.gpus},
                                       {"cpus", cost.cpus},
                                       {"tokens", cost.work.tokens},
                                       {"samples", cost.work.samples},
                                       {"job", cost.job},
                                       {"restart", cost.restart},
                                       {"time", cost.time}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

StageOutcome outcome_of(const io::JsonValue& value) {
  for (const auto& [outcome, name] : outcome_names) {
    if (value.text() == name) return outcome;
  }
  value.fail("expected complete, part, stopped, failed or unfinished");
}

/// Throws DataError.
StageCost parse_cost(std::string_view line, const io::TextPlace& place) {
  const nlohmann::json json = io::parse_json(line, place);
  const io::JsonValue value(json, place);
  StageCost cost;
  cost.attempt = value.field("attempt").text();
  cost.stage = value.field("stage").text();
  cost.part = value.field("part").text();
  cost.outcome = outcome_of(value.field("outcome"));
  cost.seconds = value.field("seconds").number();
  cost.ranks = value.field("ranks").integer();
  cost.nodes = value.field("nodes").integer();
  cost.gpus = value.field("gpus").integer();
  cost.cpus = value.field("cpus").integer();
  cost.work = {value.field("tokens").integer(), value.field("samples").integer()};
  cost.job = value.field("job").text();
  cost.restart = value.field("restart").integer();
  cost.time = value.field("time").text();
  return cost;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string formatted(const char* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

/// "12.3", "0.00041": with the digits that tell something.
std::string number_text(double value) { return formatted(value < 100 ? "%.3g" : "%.0f", value); }

/// Hours of nodes, GPUs and cores.
struct Hours {
  double nodes = 0, gpus = 0, cores = 0;

  void add(const StageCost& cost) {
    const double hours = cost.seconds / 3600;
    nodes += hours * static_cast<double>(cost.nodes);
    gpus += hours * static_cast<double>(cost.gpus);
    cores += hours * static_cast<double>(cost.cpus);
  }
};

}  // namespace

std::string to_text(StageOutcome outcome) {
  for (const auto& [value, name] : outcome_names) {
    if (value == outcome) return name;
  }
  return "";
}

StageWork& StageWork::operator+=(const StageWork& other) {
  tokens += other.tokens;
  samples += other.samples;
  return *this;
}

bool append_cost(const RunFolder& run, const StageCost& cost) {
  try {
    io::append_line(run.costs(), to_json(cost));
    return true;
  } catch (const Error& error) {
    log_warning(std::string(error.what()) + "; the cost of " + cost.stage + " will be missing from the sum");
    return false;
  }
}

std::vector<StageCost> read_costs(const RunFolder& run) {
  std::vector<StageCost> costs;
  if (!io::file_status(run.costs())) return costs;
  std::map<std::string, std::size_t> places;  // in `costs`, by attempt
  io::TextPlace place{run.costs(), 0};
  for (const auto& line : split_text(io::read_file(run.costs(), costs_cap), '\n')) {
    ++place.line;
    if (trimmed(line).empty()) continue;
    try {
      StageCost cost = parse_cost(line, place);
      const auto [known, is_new] = places.emplace(cost.attempt, costs.size());
      if (is_new) costs.emplace_back();
      costs[known->second] = std::move(cost);
    } catch (const DataError& error) {
      log_debug(std::string(error.what()) + "; the line is left out");
    }
  }
  return costs;
}

std::string cost_text(std::span<const StageCost> costs) {
  if (costs.empty()) return "";
  std::set<std::string> stages;
  Hours all;
  Hours writing;  // of stages that have written samples
  StageWork work;
  std::size_t unfinished = 0;
  for (const auto& cost : costs) {
    stages.insert(cost.stage);
    if (cost.outcome == StageOutcome::unfinished) ++unfinished;
    all.add(cost);
    work += cost.work;
    if (cost.work.samples > 0) writing.add(cost);
  }
  const auto count = [](std::size_t n, const char* one, const char* many) {
    return std::to_string(n) + " " + (n == 1 ? one : many);
  };
  std::string text =
      "cost of " + count(costs.size(), "attempt", "attempts") + " at " + count(stages.size(), "stage", "stages") +
      (unfinished > 0 ? " (" + std::to_string(unfinished) + " killed or still at work)" : "") + ": " +
      number_text(all.nodes) + " node-hours, " + number_text(all.gpus) + " GPU-hours, " + number_text(all.cores) +
      " core-hours; " + std::to_string(work.tokens) + " tokens, " + std::to_string(work.samples) + " samples";
  const double hours = writing.gpus > 0 ? writing.gpus : writing.cores;
  if (hours > 0) {
    text += " (" + number_text(static_cast<double>(work.samples) / hours) +
            (writing.gpus > 0 ? " samples a GPU-hour)" : " samples a core-hour)");
  }
  return text;
}

void log_costs(const RunFolder& run) {
  try {
    log_info(cost_text(read_costs(run)));
  } catch (const Error& error) {
    log_warning(error.what());
  }
}

CostMeter::CostMeter(JobContext& job, const RunFolder& run, const std::string& stage, const ShardPart& part,
                     double interval_s)
    : is_first_(job.world.rank() == 0),
      run_(run),
      interval_s_(interval_s),
      start_s_(steady_seconds()),
      noted_s_(start_s_) {
  cost_.attempt = host_name() + " " + std::to_string(getpid()) + " " + formatted("%.6f", unix_seconds());
  cost_.stage = stage;
  cost_.part = part.text();
  cost_.ranks = job.world.size();
  cost_.gpus = job.use.gpus * cost_.ranks;
  cost_.cpus = job.use.threads * cost_.ranks;
  cost_.nodes = job.world.all_reduce(std::int64_t{job.node.rank() == 0 ? 1 : 0}, comm::ReduceOp::sum);
  cost_.job = environment("SLURM_JOB_ID");
  cost_.restart = std::atoll(environment("SLURM_RESTART_COUNT").c_str());
  if (is_first_) note(StageOutcome::unfinished, {});
}

void CostMeter::tick(const StageWork& work) {
  if (is_first_ && is_noted_ && steady_seconds() - noted_s_ >= interval_s_) note(StageOutcome::unfinished, work);
}

void CostMeter::end(StageOutcome outcome, const StageWork& work) {
  if (is_first_) note(outcome, work);
}

void CostMeter::note(StageOutcome outcome, const StageWork& work) {
  noted_s_ = steady_seconds();
  cost_.outcome = outcome;
  cost_.seconds = noted_s_ - start_s_;
  cost_.work = work;
  cost_.time = utc_now();
  is_noted_ = append_cost(run_, cost_);
}

}  // namespace westofn::app
