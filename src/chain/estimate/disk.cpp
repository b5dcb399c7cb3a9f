// SPDX-License-Identifier: Apache-2.0
#include "chain/estimate/disk.h"

#include <algorithm>

namespace westofn::chain {

double prepare_bytes(const DataSize& data) {
  const double prompt = data.prompt_tokens * data.bytes_per_token;
  const double response = data.response_tokens * data.bytes_per_token;
  const double pairs = data.training_pairs + data.validation_pairs + data.test_pairs;
  const double prompts = data.unlabelled_prompts + data.validation_prompts + data.test_prompts;
  return pairs * (129 + prompt + 2 * response) + prompts * (105 + prompt) +
         data.demonstrations * (104 + prompt + response);
}

double pool_bytes(const DataSize& data, double n, double response_tokens) {
  const double text = response_tokens * data.bytes_per_token;
  return 112 + data.prompt_tokens * data.bytes_per_token + n * (33 + text + 4 * response_tokens);
}

double match_bytes(double prompts, double matches) { return prompts * 9 + matches * 41; }

double recipe_bytes(const DataSize& data, double human_pairs, const synthesis::RecipeSettings& recipe,
                    double response_tokens) {
  const double texts = (data.prompt_tokens + 2 * response_tokens) * data.bytes_per_token;
  const auto [humans, synthetics] = selection::mixture_sizes(
      {static_cast<std::int64_t>(human_pairs), static_cast<std::int64_t>(data.unlabelled_prompts)}, recipe.mixture);
  const auto rows = static_cast<double>(humans + synthetics);
  return data.unlabelled_prompts * (146 + texts + 24) + human_pairs * 40 + rows * 9;
}

double model_bytes(double weights) { return 4 * weights; }

double checkpoint_bytes(double weights, double optimizer_elements) { return 8 * weights + 4 * optimizer_elements; }

double evaluation_bytes(const DataSize& data, double models, double n, double recipes) {
  const double scores = 8 * models * (2 * data.test_pairs + data.test_prompts * (n + 1));
  return scores + 2 * (scores + recipes * data.unlabelled_prompts * 250);
}

}  // namespace westofn::chain
