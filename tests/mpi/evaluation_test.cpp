// SPDX-License-Identifier: Apache-2.0
// Scores of a test set do not depend on how many ranks share it out.
#include <gtest/gtest.h>

#include <filesystem>

#include "app/run_job.h"
#include "comm/single_communicator.h"
#include "evaluation/assess.h"
#include "evaluation/model_scores.h"
#include "model/reward_model.h"
#include "support/mpi_main.h"
#include "support/temporary_folder.h"
#include "unit/evaluation/toy_test_set.h"

namespace westofn::evaluation {
namespace {

/// The scores that the ranks of `comm` find together; on its rank 0.
ModelScores scores_of(comm::Communicator& comm, const TestSet& test, const std::string& folder, ScorerKind kind) {
  const app::CommonOptions options;
  const app::StopControl stop(std::nullopt);
  comm::SingleCommunicator node;
  app::JobContext job{comm, node, options, stop};
  const app::RunFolder run(folder);
  run.make();
  app::StageRun stage(job, run, {"evaluate", 1, "", {}}, nullptr);
  const app::StageInput model{"model", folder, "00"};
  const model::RuntimeSettings runtime;
  const ScoringTask task{test, model, runtime, {}};
  return kind == ScorerKind::reward_model ? score_reward_model(stage, task) : score_preference_model(stage, task);
}

TEST(Evaluation, ScoresAreTheSameBitsForAnyNumberOfRanks) {
  comm::Communicator& world = testing::world();
  const testing::TemporaryFolder folder;  // every rank its own
  const std::string path = folder / "model";
  std::filesystem::copy(WESTOFN_TOY_MODEL, path, std::filesystem::copy_options::recursive);
  model::save_reward_head(path, model::random_head(model::T5::load(path, {}), 1), std::nullopt);
  const TestSet test = toy_test_set(520, 10, 9);  // more inputs than one portion, and a last portion that is not full
  for (const auto kind : {ScorerKind::reward_model, ScorerKind::preference_model}) {
    const ModelScores together = scores_of(world, test, path, kind);
    if (world.rank() != 0) continue;
    comm::SingleCommunicator alone;
    const ModelScores one = scores_of(alone, test, path, kind);
    EXPECT_EQ(together.chosen, one.chosen);
    EXPECT_EQ(together.rejected, one.rejected);
    EXPECT_EQ(together.samples, one.samples);
    EXPECT_EQ(one.chosen.size(), 520U);
    EXPECT_EQ(one.samples.size(), kind == ScorerKind::reward_model ? 100U : 0U);
  }
}

}  // namespace
}  // namespace westofn::evaluation
