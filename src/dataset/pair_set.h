// SPDX-License-Identifier: Apache-2.0
// The labelled pairs that a model is trained or validated on, wherever they come from.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "dataset/prepared.h"
#include "record/records.h"

namespace westofn::dataset {

/// `chosen` is preferred to `rejected`.
struct LabelledPair {
  std::string prompt;
  std::string chosen;
  std::string rejected;
  double confidence = 1;  ///< of a synthetic pair: P(chosen > rejected) of the preference model; 1 for human pairs
  std::string group{};    ///< of a human pair
  std::string id{};       ///< of a human pair; of a synthetic one that of its prompt
};

/// Every pair once, and the order in which they are shown.
struct PairSet {
  std::vector<LabelledPair> pairs;
  std::vector<std::int64_t> order;  ///< indices of `pairs` in training order, cycled; empty: shuffled in every epoch
  std::int64_t human = 0;           ///< the first `human` pairs are human ones, the rest synthetic
  std::map<std::string, std::int64_t> sources{};  ///< human pairs by the name of the file that they come from
};

/// Human pairs of a finished stage `prepare`. Local. Throws DataError.
[[nodiscard]] PairSet human_pair_set(const std::string& prepare_folder, const PairFilter& filter);

/// The mixture of a finished stage `recipe`, whose human pairs are those of `set`. Local. Throws DataError, also if the
/// mixture was made with other human pairs.
[[nodiscard]] PairSet mixture_pair_set(const std::string& prepare_folder, HumanSet set,
                                       const std::string& recipe_folder);

}  // namespace westofn::dataset
