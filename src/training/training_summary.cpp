// SPDX-License-Identifier: Apache-2.0
#include "training/training_summary.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "training/padding.h"
#include "util/error.h"
#include "util/log.h"

namespace westofn::training {
namespace {

double selected(const CurvePoint& point, Task::Selection selection) {
  return selection == Task::Selection::accuracy ? point.validation_accuracy : point.validation_loss;
}

/// "74.2 %" or "1.2345".
std::string to_text(double value, Task::Selection selection) {
  const bool is_accuracy = selection == Task::Selection::accuracy;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), is_accuracy ? "%.1f %%" : "%.4f", is_accuracy ? 100 * value : value);
  return text.data();
}

}  // namespace

void add_balance(const std::string& part, const RowBalance& balance, Counts& counts) {
  counts[part + ".used"] = balance.used;
  counts[part + ".too_long"] = balance.too_long;
  counts[part + ".equal"] = balance.equal;
}

TrainingSummary summarize(const TrainingResult& result, Task::Selection selection) {
  WESTOFN_CHECK(!result.curve.empty(), "a training curve begins with the untrained model");
  TrainingSummary summary;
  summary.selection = selection;
  summary.best_step = result.best_step;
  summary.steps = result.curve.back().step;
  summary.untrained = selected(result.curve.front(), selection);
  for (const CurvePoint& point : result.curve) {
    if (point.step == result.best_step) summary.best = selected(point, selection);
    if (point.step > 0 && !(std::isfinite(point.loss) && std::isfinite(point.gradient_norm))) ++summary.skipped;
  }
  return summary;
}

std::string to_json(const TrainingSummary& summary) {
  nlohmann::ordered_json json = {
      {"selection", summary.selection == Task::Selection::accuracy ? "validation accuracy" : "validation loss"},
      {"steps", summary.steps},
      {"skipped_steps", summary.skipped},
      {"best_step", summary.best_step},
      {"untrained", summary.untrained},
      {"best", summary.best}};
  if (summary.accuracy) {
    const metrics::Estimate& model = summary.accuracy->model;
    json["accuracy"] = {{"value", model.value}, {"low", model.low}, {"high", model.high}, {"pairs", model.count}};
    const auto rule = [](const Baseline& baseline) {
      return nlohmann::ordered_json{{"accuracy", baseline.accuracy},
                                    {"advantage", baseline.advantage.value},
                                    {"low", baseline.advantage.low},
                                    {"high", baseline.advantage.high}};
    };
    json["longer"] = rule(summary.accuracy->longer);
    json["shorter"] = rule(summary.accuracy->shorter);
  }
  json["tokens"] = {{"training", summary.tokens.tokens},
                    {"computed", summary.tokens.computed},
                    {"padding", padding_share(summary.tokens)}};
  json["rows"] = summary.counts;
  return json.dump(2) + "\n";
}

std::string accuracy_text(const metrics::Estimate& accuracy) {
  const auto percent = [](double value) { return to_text(value, Task::Selection::accuracy); };
  if (std::isnan(accuracy.low)) return percent(accuracy.value);
  std::array<char, 32> interval{};
  std::snprintf(interval.data(), interval.size(), " [%.1f, %.1f]", 100 * accuracy.low, 100 * accuracy.high);
  return percent(accuracy.value) + interval.data();
}

void report(const std::string& stage, const TrainingSummary& summary) {
  const auto shown = [&](double value) { return to_text(value, summary.selection); };
  const bool is_accuracy = summary.selection == Task::Selection::accuracy;
  std::string text = stage + ": validation " + (is_accuracy ? "accuracy " : "loss ") + shown(summary.untrained) +
                     " untrained, " +
                     (summary.accuracy ? accuracy_text(summary.accuracy->model) : shown(summary.best)) + " at step " +
                     std::to_string(summary.best_step) + " of " + std::to_string(summary.steps);
  if (summary.accuracy) {
    text += "; always preferring the longer response " + shown(summary.accuracy->longer.accuracy) + ", the shorter " +
            shown(summary.accuracy->shorter.accuracy);
  }
  log_info(text);
  std::string rows = stage + ": rows:";
  for (const auto& [name, count] : summary.counts) {
    if (count > 0) rows += " " + name + " " + std::to_string(count);
  }
  log_info(rows);
  if (summary.tokens.computed > 0) {
    log_info(stage + ": " + to_text(padding_share(summary.tokens), Task::Selection::accuracy) + " of the " +
             std::to_string(summary.tokens.computed) + " tokens computed in training were padding");
  }
  if (summary.skipped > 0) {
    log_warning(stage + ": " + std::to_string(summary.skipped) + " of " + std::to_string(summary.steps) +
                " steps were skipped, because loss or gradient was not a finite number");
  }
  // Written so that a value that is not a number warns as well.
  const bool better = is_accuracy ? summary.best > summary.untrained : summary.best < summary.untrained;
  if (summary.steps > 0 && !better) {
    log_warning(stage + ": training has not improved the validation " + (is_accuracy ? "accuracy" : "loss") +
                "; look at curve.h5, the learning rate and the data");
  }
  const std::string warning = summary.accuracy ? baseline_warning(*summary.accuracy) : std::string();
  if (!warning.empty()) log_warning(stage + ": " + warning);
}

}  // namespace westofn::training
