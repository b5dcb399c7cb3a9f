// SPDX-License-Identifier: Apache-2.0
// The data sets of the toy world. Item i of a part is a function of (seed, part, i) alone: neither counts, nor order,
// nor ranks change it, and the parts are disjoint random streams.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "record/records.h"
#include "util/philox.h"
#include "world/toy_response.h"

namespace westofn::world {

struct ToyWorldSettings {
  std::uint64_t seed = 1;
  std::int64_t demonstrations = 6000;
  std::int64_t labelled_pairs = 600;
  std::int64_t other_pairs = 600;
  std::int64_t validation_pairs = 1500;
  std::int64_t test_pairs = 2000;
  std::int64_t judge_pairs = 0;
  std::int64_t unlabelled_prompts = 600;
  std::int64_t test_prompts = 200;
  double beta = 2.5;
  std::vector<double> pair_skills = {0.34, 0.33, 0.33};  ///< weights of novices, averages and experts who write pairs
  bool operator==(const ToyWorldSettings&) const = default;
};

/// One weight for each of toy_skills; any of them may be 0, but not all.
[[nodiscard]] bool are_skill_weights(const std::vector<double>& weights);

/// The fields for config, all but the seed.
template <class V>
void visit_sizes(V& v, ToyWorldSettings& s) {
  const auto count = [&](std::string_view key, std::int64_t& value, std::string_view help) {
    v.optional(key, value, help);
    v.check(key, value >= 0 && value <= 100'000'000, "a count from 0 to 100,000,000");
  };
  count("demonstrations", s.demonstrations, "posts with a response each, for fine-tuning the policy");
  count("labelled_pairs", s.labelled_pairs, "human pairs of the labelled half, HF50");
  count("other_pairs", s.other_pairs, "human pairs of the other half; HF100 is both halves");
  count("validation_pairs", s.validation_pairs, "human pairs for choosing checkpoints");
  count("test_pairs", s.test_pairs, "human pairs for the final accuracy");
  count("judge_pairs", s.judge_pairs, "human pairs for training a judge");
  count("unlabelled_prompts", s.unlabelled_prompts, "posts for synthetic pairs");
  count("test_prompts", s.test_prompts, "posts for Best-of-N");
  v.optional("beta", s.beta, "how strongly a label follows the difference in gold reward");
  v.check("beta", s.beta >= 0 && s.beta <= 1000, "a number from 0 to 1000");
  v.optional("pair_skills", s.pair_skills, "weights of novices, averages and experts among those who write pairs");
  v.check("pair_skills", are_skill_weights(s.pair_skills), "three numbers from 0 to 1000, not all of them 0");
}

/// The fields for config.
template <class V>
void visit_fields(V& v, ToyWorldSettings& s) {
  v.optional("seed", s.seed, "seed of all texts and labels of the world");
  visit_sizes(v, s);
}

enum class ToyPart { demonstrations, labelled, other, validation, test, judge, unlabelled_prompts, test_prompts };

inline constexpr std::array<ToyPart, 8> toy_parts = {ToyPart::demonstrations,     ToyPart::labelled,    ToyPart::other,
                                                     ToyPart::validation,         ToyPart::test,        ToyPart::judge,
                                                     ToyPart::unlabelled_prompts, ToyPart::test_prompts};
inline constexpr std::array<ToyPart, 5> toy_pair_parts = {ToyPart::labelled, ToyPart::other, ToyPart::validation,
                                                          ToyPart::test, ToyPart::judge};
inline constexpr std::array<ToyPart, 2> toy_prompt_parts = {ToyPart::unlabelled_prompts, ToyPart::test_prompts};

/// How many items of the part the settings ask for.
[[nodiscard]] std::int64_t part_size(const ToyWorldSettings& settings, ToyPart part);

/// The file of the part in a folder that write_toy_world made: "pairs-labelled.jsonl".
[[nodiscard]] std::string_view part_file(ToyPart part);

/// Demonstration `index` (from 0, may exceed the settings' count). Ids look like "demonstration-000123", groups are
/// left empty, source and line are those of the file that write_toy_world makes.
[[nodiscard]] Demonstration make_demonstration(const ToyWorldSettings& settings, std::int64_t index);

/// Pair `index` of one of toy_pair_parts; labelled and other pairs belong to the training split.
[[nodiscard]] HumanPair make_pair(const ToyWorldSettings& settings, ToyPart part, std::int64_t index);

/// Prompt `index` of one of toy_prompt_parts.
[[nodiscard]] Prompt make_prompt(const ToyWorldSettings& settings, ToyPart part, std::int64_t index);

/// A skill drawn with these weights for novice, average and expert.
[[nodiscard]] ToySkill draw_skill(RandomSequence& random, std::span<const double> weights);

}  // namespace westofn::world
