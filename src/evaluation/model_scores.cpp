// SPDX-License-Identifier: Apache-2.0
#include "evaluation/model_scores.h"

#include <string_view>

#include "app/stage_files.h"
#include "comm/agree.h"
#include "evaluation/shared_scoring.h"
#include "io/hdf5.h"
#include "scoring/scores.h"

namespace westofn::evaluation {
namespace {

using tokenizer::Tokens;

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
  const PairwiseModel loaded = load_pairwise(stage, task);
  const scoring::PairwiseFormat format(loaded.tokenizer, loaded.config);
  InputList list;
  list.count = 2 * task.test.pairs.size();
  list.encode = [&](std::size_t i) {
    const HumanPair& pair = task.test.pairs[i / 2];
    return i % 2 == 0 ? format.encode(pair.prompt, pair.chosen, pair.rejected)
                      : format.encode(pair.prompt, pair.rejected, pair.chosen);
  };
  list.score = loaded.first_label_probability(format, stage, task.runtime);
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
