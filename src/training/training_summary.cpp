// SPDX-License-Identifier: Apache-2.0
#include "training/training_summary.h"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "metrics/accuracy.h"
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
  }
  return summary;
}

double longer_accuracy(std::span<const dataset::LabelledPair> pairs, const PairExamples& used) {
  double correct = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (used.places[i] < 0) continue;
    correct += metrics::outcome(static_cast<double>(metrics::count_words(pairs[i].chosen)),
                                static_cast<double>(metrics::count_words(pairs[i].rejected)));
  }
  return correct / static_cast<double>(used.pairs.size());
}

std::string to_json(const TrainingSummary& summary) {
  nlohmann::ordered_json json = {
      {"selection", summary.selection == Task::Selection::accuracy ? "validation accuracy" : "validation loss"},
      {"steps", summary.steps},
      {"best_step", summary.best_step},
      {"untrained", summary.untrained},
      {"best", summary.best}};
  if (summary.longer) json["longer"] = *summary.longer;
  json["rows"] = summary.counts;
  return json.dump(2) + "\n";
}

void report(const std::string& stage, const TrainingSummary& summary) {
  const auto shown = [&](double value) { return to_text(value, summary.selection); };
  const bool is_accuracy = summary.selection == Task::Selection::accuracy;
  std::string text = stage + ": validation " + (is_accuracy ? "accuracy " : "loss ") + shown(summary.untrained) +
                     " untrained, " + shown(summary.best) + " at step " + std::to_string(summary.best_step) + " of " +
                     std::to_string(summary.steps);
  if (summary.longer) text += "; always preferring the longer response: " + shown(*summary.longer);
  log_info(text);
  std::string rows = stage + ": rows:";
  for (const auto& [name, count] : summary.counts) {
    if (count > 0) rows += " " + name + " " + std::to_string(count);
  }
  log_info(rows);
  // Written so that a value that is not a number warns as well.
  const bool better = is_accuracy ? summary.best > summary.untrained : summary.best < summary.untrained;
  if (summary.steps > 0 && !better) {
    log_warning(stage + ": training has not improved the validation " + (is_accuracy ? "accuracy" : "loss") +
                "; look at curve.h5, the learning rate and the data");
  }
  if (summary.longer && !(summary.best > *summary.longer)) {
    log_warning(stage + ": the model is no better than always preferring the longer response");
  }
}

}  // namespace westofn::training
