// SPDX-License-Identifier: Apache-2.0
#include "evaluation/model_scores.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <string_view>

#include "app/progress.h"
#include "app/stage_files.h"
#include "comm/agree.h"
#include "io/hdf5.h"
#include "metrics/interval.h"
#include "scoring/inputs.h"
#include "scoring/scores.h"
#include "tokenizer/tokenizer.h"
#include "util/error.h"
#include "util/fault.h"
#include "util/text.h"

namespace westofn::evaluation {
namespace {

using tokenizer::Tokens;

/// Inputs that one rank scores at once. Fixed, so that batches do not depend on the number of ranks.
constexpr std::size_t portion_inputs = 1024;

/// A list of inputs and what scores them.
struct InputList {
  std::size_t count = 0;
  std::function<std::optional<Tokens>(std::size_t)> encode;  ///< nothing: too long
  std::function<std::vector<double>(std::span<const Tokens>)> score;
};

/// Local. The scores of inputs begin .. end-1.
std::vector<double> score_portion(const InputList& list, std::size_t begin, std::size_t end, const std::string& model) {
  std::vector<Tokens> inputs;
  std::vector<std::size_t> places;
  for (std::size_t i = begin; i < end; ++i) {
    if (auto tokens = list.encode(i)) {
      inputs.push_back(std::move(*tokens));
      places.push_back(i - begin);
    }
  }
  std::vector<double> values(end - begin, metrics::no_value);
  const std::vector<double> scores = list.score(inputs);
  for (std::size_t k = 0; k < places.size(); ++k) {
    if (!std::isfinite(scores[k])) {
      throw DataError(printable(model) + ": gives a score that is not a finite number; its training diverged, " +
                      "train it again with a lower learning rate");
    }
    values[places[k]] = scores[k];
  }
  return values;
}

/// Collective. The scores of all inputs on rank 0, in order.
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
      const auto values = score_portion(list, p * portion_inputs, end_of(p), model);
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

/// Local. What the folder says of templates and limits, else the defaults of its kind.
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

/// Prompt and response number i: chosen and rejected of each pair by turns, then the samples of all pools.
struct Text {
  std::string_view prompt;
  std::string_view response;
};
Text text_at(const TestSet& test, std::size_t i) {
  if (i < 2 * test.pairs.size()) {
    const HumanPair& pair = test.pairs[i / 2];
    return {pair.prompt, i % 2 == 0 ? pair.chosen : pair.rejected};
  }
  const auto samples = static_cast<std::size_t>(test.n + 1);
  const std::size_t sample = i - 2 * test.pairs.size();
  const Pool& pool = test.pools[sample / samples];
  return {pool.prompt.text, pool.samples[sample % samples].response};
}

}  // namespace

ModelScores score_reward_model(app::StageRun& stage, const ScoringTask& task) {
  const TestSet& test = task.test;
  struct Loaded {
    scoring::RewardEngine model;
    tokenizer::Tokenizer tokenizer;
    scoring::ScoringConfig config;
  };
  const Loaded loaded = comm::agree(stage.job().world, [&] {
    const std::string& folder = task.model.folder;
    app::verify_input(stage.job().world, task.model);
    auto model = scoring::load_reward_engine(folder, task.placement);
    const std::int64_t vocabulary = model.t5.config().vocab_size;
    return Loaded{std::move(model), tokenizer::Tokenizer::load(folder, vocabulary),
                  read_config(folder, scoring::ScoreKind::pointwise, tokenizer::default_pointwise_template)};
  });
  const scoring::PointwiseFormat format(loaded.tokenizer, loaded.config);
  const auto run = scoring_run(stage, task.runtime);
  InputList list;
  list.count = 2 * test.pairs.size() + test.pools.size() * static_cast<std::size_t>(test.n + 1);
  list.encode = [&](std::size_t i) {
    const Text text = text_at(test, i);
    return format.encode(text.prompt, text.response);
  };
  list.score = [&](std::span<const Tokens> inputs) { return scoring::rewards(loaded.model, inputs, run); };
  const std::vector<double> all = score_shared(stage, list, task.model.folder);
  ModelScores scores;
  if (stage.job().world.rank() != 0) return scores;
  for (std::size_t i = 0; i < test.pairs.size(); ++i) {
    scores.chosen.push_back(all[2 * i]);
    scores.rejected.push_back(all[2 * i + 1]);
  }
  scores.samples.assign(all.begin() + static_cast<std::ptrdiff_t>(2 * test.pairs.size()), all.end());
  return scores;
}

ModelScores score_preference_model(app::StageRun& stage, const ScoringTask& task) {
  struct Loaded {
    inference::Engine model;
    tokenizer::Tokenizer tokenizer;
    scoring::ScoringConfig config;
  };
  const Loaded loaded = comm::agree(stage.job().world, [&] {
    const std::string& folder = task.model.folder;
    app::verify_input(stage.job().world, task.model);
    auto model = inference::Engine::load(folder, task.placement);
    const std::int64_t vocabulary = model.config().vocab_size;
    return Loaded{std::move(model), tokenizer::Tokenizer::load(folder, vocabulary),
                  read_config(folder, scoring::ScoreKind::pairwise, tokenizer::default_pairwise_template)};
  });
  const scoring::PairwiseFormat format(loaded.tokenizer, loaded.config);
  const auto run = scoring_run(stage, task.runtime);
  InputList list;
  list.count = 2 * task.test.pairs.size();
  list.encode = [&](std::size_t i) {
    const HumanPair& pair = task.test.pairs[i / 2];
    return i % 2 == 0 ? format.encode(pair.prompt, pair.chosen, pair.rejected)
                      : format.encode(pair.prompt, pair.rejected, pair.chosen);
  };
  list.score = [&](std::span<const Tokens> inputs) {
    return scoring::label_probabilities(loaded.model, inputs, format.first_label(), format.second_label(), run);
  };
  const std::vector<double> all = score_shared(stage, list, task.model.folder);
  ModelScores scores;
  for (std::size_t i = 0; i + 1 < all.size(); i += 2) {
    scores.chosen.push_back(scoring::both_orders(all[i], all[i + 1]));
    scores.rejected.push_back(scoring::both_orders(all[i + 1], all[i]));
  }
  return scores;
}

io::FileInfo write_scores(const std::string& path, const ModelScores& scores) {
  io::Hdf5Writer writer;
  writer.attribute("/", "filetype", "westofn/scores");
  writer.dataset("/chosen", scores.chosen, {"score of the chosen response of each test pair; NaN: too long", "1"});
  writer.dataset("/rejected", scores.rejected, {"score of the rejected response of each test pair", "1"});
  writer.dataset("/samples", scores.samples, {"score of each sample of the test pools, pool after pool", "1"});
  return writer.publish(path);
}

ModelScores read_scores(const std::string& path, const TestSet& test) {
  const io::Hdf5Reader reader(path);
  ModelScores scores{reader.read<double>("/chosen"), reader.read<double>("/rejected"), reader.read<double>("/samples")};
  const std::size_t samples = test.pools.size() * static_cast<std::size_t>(test.n + 1);
  if (scores.chosen.size() != test.pairs.size() || scores.rejected.size() != test.pairs.size() ||
      (!scores.samples.empty() && scores.samples.size() != samples)) {
    reader.refuse("does not fit the test set; delete the file to make it again");
  }
  return scores;
}

}  // namespace westofn::evaluation
