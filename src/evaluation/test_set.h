// SPDX-License-Identifier: Apache-2.0
// What models are tested on: held-out human pairs, and the pools of the test prompts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "evaluation/evaluate.h"
#include "record/records.h"

namespace westofn::evaluation {

struct TestSet {
  std::vector<HumanPair> pairs;  ///< of the test split, in the order of the prepared files
  std::vector<Pool> pools;       ///< of the test prompts, n + 1 samples each; the last one is the SFT sample
  std::int64_t n = 0;            ///< samples that Best-of-n draws from; 0 without pools
};

/// Local. Throws DataError if a file is damaged or pools differ in size.
[[nodiscard]] TestSet read_test_set(const EvaluateInputs& inputs);

/// All synthetic pairs of a recipe, kept or not.
struct RecipePairs {
  std::string name;
  std::vector<SyntheticPair> pairs;
};

/// Local. Throws DataError if a file is damaged.
[[nodiscard]] RecipePairs read_recipe(const RecipeInput& recipe);

/// A row of the training curve of a model.
struct Curve {
  std::string name;
  std::vector<std::int64_t> step;
  std::vector<double> learning_rate, loss, gradient_norm, validation_loss, validation_accuracy;
};

/// Local. The curves of policy, preference model and reward models; those that were not trained here have none.
[[nodiscard]] std::vector<Curve> read_curves(const EvaluateInputs& inputs);

/// The highest validation accuracy on a curve: that of the weights that were kept; NaN without one.
[[nodiscard]] double best_validation(const Curve& curve);

/// A reward model that was trained on one of the quantiles that a recipe lists.
struct Choice {
  std::int64_t model = 0;   ///< position of the reward model that one of them became
  std::int64_t recipe = 0;  ///< position in EvaluateInputs::recipes
  double validation_accuracy = 0;
  bool chosen = false;
};

/// Local. All candidates of all reward models.
[[nodiscard]] std::vector<Choice> read_choices(const EvaluateInputs& inputs);

}  // namespace westofn::evaluation
