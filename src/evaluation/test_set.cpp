// SPDX-License-Identifier: Apache-2.0
#include "evaluation/test_set.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "io/hdf5.h"
#include "io/pool_file.h"
#include "io/record_file.h"
#include "io/synthetic_pair_file.h"
#include "metrics/interval.h"
#include "util/error.h"

namespace westofn::evaluation {
namespace {

/// The records of all files of a stage that begin with `pairs-`, in order.
template <class Record, class Read>
std::vector<Record> read_pair_files(const std::string& folder, Read read) {
  std::vector<Record> all;
  for (const auto& file : io::read_manifest(folder).files) {
    if (!file.name.starts_with("pairs-")) continue;
    auto records = read(folder + "/" + file.name, file);
    all.insert(all.end(), std::make_move_iterator(records.begin()), std::make_move_iterator(records.end()));
  }
  return all;
}

void add_curve(const std::string& name, const app::StageInput& model, std::vector<Curve>& curves) {
  const std::string path = model.folder + "/curve.h5";
  if (!io::file_status(path)) return;
  const io::Hdf5Reader reader(path);
  const auto numbers = [&](const char* field) { return reader.read<double>(field); };
  curves.push_back({name, reader.read<std::int64_t>("/step"), numbers("/learning_rate"), numbers("/loss"),
                    numbers("/gradient_norm"), numbers("/validation_loss"), numbers("/validation_accuracy")});
  const Curve& curve = curves.back();
  for (const auto* field :
       {&curve.learning_rate, &curve.loss, &curve.gradient_norm, &curve.validation_loss, &curve.validation_accuracy}) {
    if (field->size() != curve.step.size()) reader.refuse("its datasets differ in length");
  }
}

}  // namespace

TestSet read_test_set(const EvaluateInputs& inputs) {
  TestSet test;
  test.pairs = read_pair_files<HumanPair>(inputs.prepared.folder, io::read_pairs);
  std::erase_if(test.pairs, [](const HumanPair& pair) { return pair.split != Split::test; });
  if (!inputs.pools) return test;
  test.pools = io::read_pools(inputs.pools->folder, PromptSet::test);
  if (test.pools.empty()) return test;
  const std::size_t samples = test.pools.front().samples.size();
  for (const auto& pool : test.pools) {
    if (pool.samples.size() != samples || samples < 2) {
      throw DataError(inputs.pools->folder + ": test pools must all have n + 1 samples, at least 2; prompt " +
                      std::to_string(pool.index) + " has " + std::to_string(pool.samples.size()) + ", the first has " +
                      std::to_string(samples) + "; delete the folder to make it again");
    }
  }
  test.n = static_cast<std::int64_t>(samples) - 1;
  return test;
}

RecipePairs read_recipe(const RecipeInput& recipe) {
  return {recipe.name, read_pair_files<SyntheticPair>(recipe.input.folder, io::read_synthetic_pairs)};
}

std::vector<Curve> read_curves(const EvaluateInputs& inputs) {
  std::vector<Curve> curves;
  if (inputs.policy) add_curve("policy", *inputs.policy, curves);
  if (inputs.preference) add_curve(preference_name, *inputs.preference, curves);
  for (const auto& model : inputs.reward_models) add_curve(model.name, model.input, curves);
  return curves;
}

double best_validation(const Curve& curve) {
  double best = metrics::no_value;
  for (const double accuracy : curve.validation_accuracy) best = std::fmax(best, accuracy);
  return best;
}

std::vector<Choice> read_choices(const EvaluateInputs& inputs) {
  std::vector<Choice> choices;
  for (std::size_t m = 0; m < inputs.reward_models.size(); ++m) {
    const auto first = choices.size();
    for (const auto& candidate : inputs.reward_models[m].candidates) {
      std::vector<Curve> curve;
      add_curve(candidate.recipe, candidate.input, curve);
      const auto recipe = std::ranges::find(inputs.recipes, candidate.recipe, &RecipeInput::name);
      choices.push_back({static_cast<std::int64_t>(m), recipe - inputs.recipes.begin(),
                         curve.empty() ? metrics::no_value : best_validation(curve.front()), false});
    }
    const auto chosen = std::max_element(
        choices.begin() + static_cast<std::ptrdiff_t>(first), choices.end(),
        [](const Choice& a, const Choice& b) { return a.validation_accuracy < b.validation_accuracy; });
    if (chosen != choices.end()) chosen->chosen = true;
  }
  return choices;
}

}  // namespace westofn::evaluation
