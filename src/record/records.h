// SPDX-License-Identifier: Apache-2.0
// The records that travel between stages in files. Plain data, no behaviour.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace westofn {

/// Which of the disjoint parts of the human data a group belongs to.
enum class Split : std::uint8_t { train = 0, validation = 1, test = 2, judge = 3 };

/// Which human pairs of the training split show their labels: half of them, all, or none.
enum class HumanSet : std::uint8_t { hf50 = 0, hf100 = 1, none = 2 };

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
  bool operator==(const Prompt&) const = default;
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

/// One response that the policy wrote.
struct Sample {
  std::int32_t number = 0;           ///< in its pool, from 0
  std::vector<std::int32_t> tokens;  ///< with the end token, if it was written
  std::string response;              ///< their text
  double log_likelihood = 0;         ///< of the tokens at temperature 1, nats
  bool finished = false;             ///< ended by itself, not by the limit
};

/// The responses to one prompt, numbered from 0.
struct Pool {
  std::int64_t index = 0;  ///< of the prompt among those of its set, in the order of the prepared files
  Prompt prompt;
  std::vector<Sample> samples;
};

/// Where in the tournament a match was played; `only` for rules without brackets.
enum class Bracket : std::uint8_t { first = 0, best = 1, worst = 2, final = 3, only = 4 };

/// One comparison of two samples of a pool by the preference model.
struct Match {
  std::int64_t prompt = 0;  ///< index of its pool
  std::int32_t a = 0;       ///< sample numbers
  std::int32_t b = 0;
  double p_ab = 0;          ///< probability of the first label in the order a, b
  double p_ba_swapped = 0;  ///< probability of the first label in the order b, a
  Bracket bracket = Bracket::only;
  std::int32_t round = 0;   ///< from 1 within its bracket
  std::int32_t winner = 0;  ///< sample number
};

/// What a pointwise reward model says of one sample of a pool.
struct ScoredSample {
  std::int64_t prompt = 0;  ///< index of its pool
  std::int32_t sample = 0;  ///< its number
  double score = 0;         ///< raw
  bool operator==(const ScoredSample&) const = default;
};

/// What became of a prompt in a recipe: kept, or the first reason against it.
enum class PairOutcome : std::uint8_t {
  kept = 0,
  one_response = 1,  ///< fewer than two different responses
  inverted = 2,      ///< the final prefers the worst
  too_long = 3,      ///< an input exceeds the limit of the teacher
  non_finite = 4,    ///< a score was not a number
  confidence = 5,    ///< below its quantile
  chosen = 6,        ///< likelihood of the chosen response below its quantile
  rejected = 7,      ///< likelihood of the rejected response below its quantile
  joint = 8,         ///< sum of both likelihoods below its quantile
};

/// A synthetic preference pair of a recipe, or why a prompt has none.
struct SyntheticPair {
  std::int64_t prompt = 0;  ///< index of its pool
  std::string prompt_id;
  std::string group;
  std::string prompt_text;
  PairOutcome outcome = PairOutcome::kept;
  bool cycle = false;        ///< one response won both brackets
  std::int32_t chosen = -1;  ///< sample numbers; -1 where there is no pair
  std::int32_t rejected = -1;
  std::string chosen_response;
  std::string rejected_response;
  double confidence = 0;  ///< P(chosen > rejected), both orders averaged
  double chosen_log_likelihood = 0;
  double rejected_log_likelihood = 0;
  std::int32_t chosen_tokens = 0;  ///< with the end token
  std::int32_t rejected_tokens = 0;
};

/// Where a row of a mixture comes from.
enum class PairSourceKind : std::uint8_t { human = 0, synthetic = 1 };

/// One row of a mixture, in training order.
struct MixtureRow {
  PairSourceKind source = PairSourceKind::human;
  std::int64_t row =
      0;  ///< human: among the human pairs that are used, in the order of the files; synthetic: of the kept pairs
};

}  // namespace westofn
