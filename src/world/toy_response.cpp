// SPDX-License-Identifier: Apache-2.0
#include "world/toy_response.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>

#include "util/error.h"

namespace westofn::world {
namespace {

constexpr std::size_t most_mentions = 4;
constexpr double chance_of_post_order = 0.5;
constexpr double chance_of_invented_noun = 0.3;  // among wrong mentions

/// How a person of one skill writes.
struct Habits {
  double sharpness;  ///< of the preference for important facts
  double wrong;      ///< probability of a wrong mention
  double repeat;     ///< probability that one mention is said twice
  double opener;     ///< probability of an opener, of a closer
  double closer;
  double taste;  ///< of the preference for phrases that readers like
  std::span<const std::uint32_t> counts;
};

Habits habits_of(ToySkill skill) {
  static constexpr std::array<std::uint32_t, 5> novice = {1, 2, 2, 3, 4};
  static constexpr std::array<std::uint32_t, 5> average = {1, 2, 2, 3, 3};
  static constexpr std::array<std::uint32_t, 4> expert = {2, 2, 3, 3};
  switch (skill) {
    case ToySkill::novice: return {0, .30, .10, .6, .6, -1, novice};
    case ToySkill::average: return {.8, .12, .04, .4, .5, 0, average};
    case ToySkill::expert: return {2, .03, .01, .3, .5, 1.5, expert};
  }
  throw InternalError("unknown skill");
}

std::uint32_t size32(std::size_t size) { return static_cast<std::uint32_t>(size); }

/// Indices of `count` facts, important ones more likely; in the order of drawing or of the post.
std::vector<std::size_t> draw_facts(RandomSequence& random, const ToyPost& post, const Habits& habits) {
  const std::size_t count = habits.counts[random.below(size32(habits.counts.size()))];
  std::vector<double> weights;
  for (const ToyFact& fact : post.facts) weights.push_back(std::exp(habits.sharpness * fact.importance));
  std::vector<std::size_t> chosen;
  while (chosen.size() < std::min(count, post.facts.size())) {
    chosen.push_back(random.weighted(weights));
    weights[chosen.back()] = 0;  // without replacement
  }
  if (random.chance(chance_of_post_order)) std::sort(chosen.begin(), chosen.end());
  return chosen;
}

/// A mention with an event that did not happen, sometimes of a noun that the post does not name.
ToyMention spoil(RandomSequence& random, const ToyPost& post, const ToyFact& fact) {
  const ToyNoun* noun = find_noun(fact.noun);
  if (random.chance(chance_of_invented_noun)) {
    std::vector<const ToyNoun*> others;
    for (const ToyNoun& candidate : toy_nouns) {
      const auto is_candidate = [&](const ToyFact& told) { return told.noun == candidate.noun; };
      if (std::none_of(post.facts.begin(), post.facts.end(), is_candidate)) others.push_back(&candidate);
    }
    noun = others[random.below(size32(others.size()))];
  }
  std::vector<std::string_view> events(noun->events.begin(), noun->events.end());
  std::erase(events, fact.event);
  return {noun->noun, events[random.below(size32(events.size()))]};
}

std::string_view draw_phrase(RandomSequence& random, const std::array<ToyPhrase, 6>& phrases, double taste) {
  std::array<double, 6> weights{};
  for (std::size_t i = 0; i < phrases.size(); ++i) weights[i] = std::exp(2 * taste * phrases[i].value / 100);
  return phrases[random.weighted(weights)].text;
}

/// Takes the phrase that stands at the start of the words; returns its value, 0 if there is none.
int take_opener(std::span<const std::string_view>& words) {
  for (const ToyPhrase& opener : toy_openers) {
    const auto wanted = split_words(opener.text);
    if (wanted.size() > words.size() || !std::equal(wanted.begin(), wanted.end(), words.begin())) continue;
    words = words.subspan(wanted.size());
    return opener.value;
  }
  return 0;
}

/// The same at the end of the words.
int take_closer(std::span<const std::string_view>& words) {
  for (const ToyPhrase& closer : toy_closers) {
    const auto wanted = split_words(closer.text);
    if (wanted.size() > words.size() || !std::equal(wanted.rbegin(), wanted.rend(), words.rbegin())) continue;
    words = words.first(words.size() - wanted.size());
    return closer.value;
  }
  return 0;
}

bool is_event(std::string_view word) {
  return std::any_of(toy_nouns.begin(), toy_nouns.end(), [&](const ToyNoun& noun) {
    return std::find(noun.events.begin(), noun.events.end(), word) != noun.events.end();
  });
}

/// The mentions between opener and closer; clears `well_formed` at anything that is not "noun event {and noun event}".
void take_mentions(std::span<const std::string_view> words, ToyResponse& response) {
  std::size_t i = 0;
  while (i < words.size()) {
    const bool is_mention = i + 1 < words.size() && find_noun(words[i]) != nullptr && is_event(words[i + 1]);
    if (!is_mention) {
      response.well_formed = false;
      ++i;
      continue;
    }
    response.mentions.push_back({words[i], words[i + 1]});
    i += 2;
    if (i == words.size()) break;
    if (words[i] == "and" && i + 1 < words.size()) {
      ++i;
    } else {
      response.well_formed = false;
    }
  }
  if (response.mentions.empty()) response.well_formed = false;
}

}  // namespace

std::string_view skill_name(ToySkill skill) {
  switch (skill) {
    case ToySkill::novice: return "novice";
    case ToySkill::average: return "average";
    case ToySkill::expert: return "expert";
  }
  return "?";
}

std::string demonstrate(RandomSequence& random, const ToyPost& post, ToySkill skill) {
  const Habits habits = habits_of(skill);
  std::vector<ToyMention> said;
  for (const std::size_t i : draw_facts(random, post, habits)) {
    const ToyFact& fact = post.facts[i];
    said.push_back(random.chance(habits.wrong) ? spoil(random, post, fact) : ToyMention{fact.noun, fact.event});
  }
  if (random.chance(habits.repeat)) {
    const ToyMention copy = said[random.below(size32(said.size()))];
    said.insert(said.begin() + random.below(size32(said.size()) + 1), copy);
  }
  if (said.size() > most_mentions) said.resize(most_mentions);

  std::string text;
  for (const ToyMention& mention : said) {
    if (!text.empty()) text += " and ";
    text += std::string(mention.noun) + " " + std::string(mention.event);
  }
  text += " .";
  if (random.chance(habits.opener)) text = std::string(draw_phrase(random, toy_openers, habits.taste)) + " " + text;
  if (random.chance(habits.closer)) text += " " + std::string(draw_phrase(random, toy_closers, habits.taste));
  return text;
}

ToyResponse parse_response(std::string_view text) {
  const std::vector<std::string_view> all = split_words(text);
  std::span<const std::string_view> words = all;
  ToyResponse response;
  response.words = all.size();
  response.opener_value = take_opener(words);
  response.closer_value = take_closer(words);
  if (!words.empty() && words.back() == ".") {
    words = words.first(words.size() - 1);
  } else {
    response.well_formed = false;
  }
  take_mentions(words, response);
  return response;
}

}  // namespace westofn::world
