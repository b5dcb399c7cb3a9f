// SPDX-License-Identifier: Apache-2.0
// The records that travel between stages in files. Plain data, no behaviour.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

namespace westofn {

/// Which of the disjoint parts of the human data a group belongs to.
enum class Split : std::uint8_t { train = 0, validation = 1, test = 2, judge = 3 };

/// What the prompts of a set are for: making synthetic pairs, the scale of the reward model, Best-of-N.
enum class PromptSet : std::uint8_t { unlabelled = 0, validation = 1, test = 2 };

/// A prompt without labels.
struct Prompt {
  std::string id;     ///< given, or XXH3-128 of the text in hexadecimal
  std::string group;  ///< prompts of one group never stand in two splits
  std::string text;
  PromptSet set = PromptSet::unlabelled;
  std::string source;     ///< name of the file that it came from
  std::int64_t line = 0;  ///< line of that file, from 1
};

/// A response that a person would give: what the policy is fine-tuned on.
struct Demonstration {
  std::string id;
  std::string group;
  std::string prompt;
  std::string response;
  std::string source;
  std::int64_t line = 0;
};

/// A labelled pair: `chosen` is preferred to `rejected` as a response to `prompt`.
struct HumanPair {
  std::string id;
  std::string group;
  std::string prompt;
  std::string chosen;
  std::string rejected;
  double confidence = std::numeric_limits<double>::quiet_NaN();  ///< of the annotator, in his scale; NaN: not given
  Split split = Split::train;
  bool labelled_half = false;  ///< member of HF50; only pairs of the training split are
  std::string source;
  std::int64_t line = 0;
};

}  // namespace westofn
