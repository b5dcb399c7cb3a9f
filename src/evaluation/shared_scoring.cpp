// SPDX-License-Identifier: Apache-2.0
#include "evaluation/shared_scoring.h"

#include <algorithm>
#include <cmath>

#include "app/progress.h"
#include "app/stage_files.h"
#include "comm/agree.h"
#include "metrics/interval.h"
#include "tokenizer/template.h"
#include "util/error.h"
#include "util/fault.h"
#include "util/text.h"

namespace westofn::evaluation {
namespace {

using tokenizer::Tokens;

/// Inputs that one rank scores at once. Fixed, so that batches do not depend on the number of ranks.
constexpr std::size_t portion_inputs = 1024;

struct Portion {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Local. The scores of the inputs of a portion.
std::vector<double> score_portion(app::StageRun& stage, const InputList& list, const Portion& portion,
                                  const std::string& model) {
  const auto [begin, end] = portion;
  std::int64_t read = 0;
  std::vector<Tokens> inputs;
  std::vector<std::size_t> places;
  for (std::size_t i = begin; i < end; ++i) {
    if (auto tokens = list.encode(i)) {
      read += static_cast<std::int64_t>(tokens->size());
      inputs.push_back(std::move(*tokens));
      places.push_back(i - begin);
    }
  }
  std::vector<double> values(end - begin, metrics::no_value);
  const std::vector<double> scores = list.score(inputs);
  stage.count_work({read, 0});
  for (std::size_t k = 0; k < places.size(); ++k) {
    if (!std::isfinite(scores[k])) {
      throw DataError(printable(model) + ": gives a score that is not a finite number; its training diverged, " +
                      "train it again with a lower learning rate");
    }
    values[places[k]] = scores[k];
  }
  return values;
}

}  // namespace

std::vector<double> score_shared(app::StageRun& stage, const InputList& list, const std::string& model) {
  comm::Communicator& world = stage.job().world;
  const auto ranks = static_cast<std::size_t>(world.size());
  const std::size_t portions = (list.count + portion_inputs - 1) / portion_inputs;
  const auto end_of = [&](std::size_t portion) { return std::min(list.count, (portion + 1) * portion_inputs); };
  app::Progress progress(
      world, {stage.name(), "inputs scored", static_cast<std::int64_t>(list.count), stage.heartbeat_path()});
  std::vector<double> mine;
  comm::agree(world, [&] {
    fault_point("evaluate.score");
    for (auto p = static_cast<std::size_t>(world.rank()); p < portions; p += ranks) {
      stage.stop_if_signalled();
      const auto values = score_portion(stage, list, {p * portion_inputs, end_of(p)}, model);
      mine.insert(mine.end(), values.begin(), values.end());
      stage.beat();
      progress.update(static_cast<std::int64_t>(end_of(p)));
    }
  });
  const auto gathered = world.gather_variable(mine, 0);
  progress.finish("done");
  if (world.rank() != 0) return {};
  std::vector<double> all;
  all.reserve(list.count);
  std::vector<std::size_t> taken(ranks, 0);
  for (std::size_t p = 0; p < portions; ++p) {
    const auto part = gathered.of(static_cast<int>(p % ranks));
    const std::size_t size = end_of(p) - p * portion_inputs;
    const auto values = part.subspan(taken[p % ranks], size);
    all.insert(all.end(), values.begin(), values.end());
    taken[p % ranks] += size;
  }
  return all;
}

scoring::ScoringRun scoring_run(app::StageRun& stage, const model::RuntimeSettings& runtime) {
  return {{runtime.batch_rows, runtime.batch_tokens}, [&stage] { stage.beat(); }};
}

scoring::ScoringConfig read_config(const std::string& folder, scoring::ScoreKind kind,
                                   std::string_view default_template) {
  const auto config = scoring::read_scoring_config(folder);
  if (config && config->kind != kind) {
    throw DataError(folder + "/westofn.json: is of another kind of model; check which model is named where");
  }
  if (config) return *config;
  scoring::ScoringConfig defaults;
  defaults.kind = kind;
  defaults.template_text = default_template;
  return defaults;
}

std::function<std::vector<double>(std::span<const Tokens>)> PairwiseModel::first_label_probability(
    const scoring::PairwiseFormat& format, app::StageRun& stage, const model::RuntimeSettings& runtime) const {
  return [this, &format, run = scoring_run(stage, runtime)](std::span<const Tokens> inputs) {
    return scoring::label_probabilities(model, inputs, format.first_label(), format.second_label(), run);
  };
}

PairwiseModel load_pairwise(app::StageRun& stage, const ScoringTask& task) {
  return comm::agree(stage.job().world, [&] {
    const std::string& folder = task.model.folder;
    app::verify_input(stage.job().world, task.model);
    auto model = inference::Engine::load(folder, task.placement);
    const std::int64_t vocabulary = model.config().vocab_size;
    return PairwiseModel{std::move(model), tokenizer::Tokenizer::load(folder, vocabulary),
                         read_config(folder, scoring::ScoreKind::pairwise, tokenizer::default_pairwise_template)};
  });
}

}  // namespace westofn::evaluation
