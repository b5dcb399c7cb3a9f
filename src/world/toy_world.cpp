// SPDX-License-Identifier: Apache-2.0
#include "world/toy_world.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "util/error.h"
#include "world/gold.h"

namespace westofn::world {
namespace {

constexpr std::array<double, 3> demonstration_skills = {.4, .4, .2};

/// What belongs to a part.
struct PartDescription {
  ToyPart part;
  std::string_view name;  ///< of its random stream and its ids
  std::string_view file;
  std::int64_t ToyWorldSettings::*count;
};

constexpr std::array<PartDescription, 8> parts = {{
    {ToyPart::demonstrations, "demonstration", "demonstrations.jsonl", &ToyWorldSettings::demonstrations},
    {ToyPart::labelled, "labelled", "pairs-labelled.jsonl", &ToyWorldSettings::labelled_pairs},
    {ToyPart::other, "other", "pairs-other.jsonl", &ToyWorldSettings::other_pairs},
    {ToyPart::validation, "validation", "pairs-validation.jsonl", &ToyWorldSettings::validation_pairs},
    {ToyPart::test, "test", "pairs-test.jsonl", &ToyWorldSettings::test_pairs},
    {ToyPart::judge, "judge", "pairs-judge.jsonl", &ToyWorldSettings::judge_pairs},
    {ToyPart::unlabelled_prompts, "unlabelled", "prompts-unlabelled.jsonl", &ToyWorldSettings::unlabelled_prompts},
    {ToyPart::test_prompts, "test-prompt", "prompts-test.jsonl", &ToyWorldSettings::test_prompts},
}};

const PartDescription& describe(ToyPart part) {
  const auto found = std::find_if(parts.begin(), parts.end(), [&](const auto& known) { return known.part == part; });
  WESTOFN_CHECK(found != parts.end(), "unknown part of the toy world");
  return *found;
}

/// The random numbers of one item: a stream for its post and one for all that people do with it.
struct ItemStreams {
  RandomSequence post;
  RandomSequence people;
};

ItemStreams streams_of(const ToyWorldSettings& settings, ToyPart part, std::int64_t index) {
  const Philox philox("toy-" + std::string(describe(part).name), settings.seed, 0, std::to_string(index));
  return {RandomSequence(philox, 0), RandomSequence(philox, 1)};
}

std::string id_of(ToyPart part, std::int64_t index) {
  const std::string digits = std::to_string(index);
  return std::string(describe(part).name) + "-" + std::string(6 - std::min<std::size_t>(6, digits.size()), '0') +
         digits;
}

Split split_of(ToyPart part) {
  switch (part) {
    case ToyPart::validation: return Split::validation;
    case ToyPart::test: return Split::test;
    case ToyPart::judge: return Split::judge;
    default: return Split::train;
  }
}

/// From the standard logistic distribution.
double draw_logistic(RandomSequence& random) {
  const double u = std::max(random.uniform(), 0x1p-54);  // uniform() may be 0
  return std::log(u / (1 - u));
}

/// Six digits, so that the last bit of a library's logarithm changes no file.
double rounded(double confidence) { return std::round(confidence * 1e6) / 1e6; }

}  // namespace

bool are_skill_weights(const std::vector<double>& weights) {
  const bool in_range = std::all_of(weights.begin(), weights.end(), [](double w) { return w >= 0 && w <= 1000; });
  return weights.size() == toy_skills.size() && in_range && *std::max_element(weights.begin(), weights.end()) > 0;
}

ToySkill draw_skill(RandomSequence& random, std::span<const double> weights) {
  return toy_skills[random.weighted(weights)];
}

std::int64_t part_size(const ToyWorldSettings& settings, ToyPart part) { return settings.*describe(part).count; }

std::string_view part_file(ToyPart part) { return describe(part).file; }

Demonstration make_demonstration(const ToyWorldSettings& settings, std::int64_t index) {
  ItemStreams streams = streams_of(settings, ToyPart::demonstrations, index);
  ToyPost post = make_post(streams.post);
  const ToySkill skill = draw_skill(streams.people, demonstration_skills);
  Demonstration row;
  row.id = id_of(ToyPart::demonstrations, index);
  row.response = demonstrate(streams.people, post, skill);
  row.prompt = std::move(post.text);
  row.source = part_file(ToyPart::demonstrations);
  row.line = index + 1;
  return row;
}

HumanPair make_pair(const ToyWorldSettings& settings, ToyPart part, std::int64_t index) {
  WESTOFN_CHECK(std::find(toy_pair_parts.begin(), toy_pair_parts.end(), part) != toy_pair_parts.end(), "no pairs");
  ItemStreams streams = streams_of(settings, part, index);
  ToyPost post = make_post(streams.post);
  std::string a;
  std::string b;
  do {
    a = demonstrate(streams.people, post, draw_skill(streams.people, settings.pair_skills));
    b = demonstrate(streams.people, post, draw_skill(streams.people, settings.pair_skills));
  } while (a == b);
  const double gap = gold(post.facts, a) - gold(post.facts, b);
  const double margin = settings.beta * gap + draw_logistic(streams.people);  // what the person perceives
  if (margin < 0) std::swap(a, b);
  HumanPair row;
  row.id = id_of(part, index);
  row.prompt = std::move(post.text);
  row.chosen = std::move(a);
  row.rejected = std::move(b);
  row.confidence = rounded(std::abs(margin));
  row.split = split_of(part);
  row.labelled_half = part == ToyPart::labelled;
  row.source = part_file(part);
  row.line = index + 1;
  return row;
}

Prompt make_prompt(const ToyWorldSettings& settings, ToyPart part, std::int64_t index) {
  WESTOFN_CHECK(part == ToyPart::unlabelled_prompts || part == ToyPart::test_prompts, "no prompts");
  ItemStreams streams = streams_of(settings, part, index);
  Prompt row;
  row.id = id_of(part, index);
  row.text = make_post(streams.post).text;
  row.set = part == ToyPart::test_prompts ? PromptSet::test : PromptSet::unlabelled;
  row.source = part_file(part);
  row.line = index + 1;
  return row;
}

}  // namespace westofn::world
