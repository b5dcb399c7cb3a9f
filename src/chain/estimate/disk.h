// SPDX-License-Identifier: Apache-2.0
// Bytes of the files of each stage before compression, from their formats. Pure functions.
//
// A text costs its bytes and 8 of offset; an id and a group up to 32 bytes each. The HDF5 files are compressed, which
// is not counted; nor are the descriptions that each file has.
#pragma once

#include "chain/estimate/data_size.h"
#include "synthesis/match_settings.h"
#include "synthesis/recipe_settings.h"
#include "training/settings.h"

namespace westofn::chain {

/// Files of `prepare`: pairs 129 bytes and their three texts, prompts 105 and one text, demonstrations 104 and two.
[[nodiscard]] double prepare_bytes(const DataSize& data);

/// A prompt: 112 bytes, its text, and for each of n samples its text and 33 + 4 T bytes.
[[nodiscard]] double pool_bytes(const DataSize& data, double n, double response_tokens);

/// A match 41 bytes, a prompt 9.
[[nodiscard]] double match_bytes(double prompts, double matches);

/// Pairs: 146 bytes and three texts for each prompt; mixture: 24 for each synthetic pair, 40 for each human one, 9 for
/// each of its rows.
[[nodiscard]] double recipe_bytes(const DataSize& data, double human_pairs, const synthesis::RecipeSettings& recipe,
                                  double response_tokens);

/// A model as Hugging Face folder: 4 P, float32.
[[nodiscard]] double model_bytes(double weights);

/// One checkpoint: masters and best weights 8 P and the state of the optimizer; two are kept while a third is written.
[[nodiscard]] double checkpoint_bytes(double weights, double optimizer_elements);
inline constexpr double checkpoints_at_once = 3;

/// Evaluation: a score for each model and input and 250 bytes for each synthetic pair; in evaluate-KEY and once more in
/// results.h5.
[[nodiscard]] double evaluation_bytes(const DataSize& data, double models, double n, double recipes);

}  // namespace westofn::chain
