// SPDX-License-Identifier: Apache-2.0
#include "world/toy_post.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>

#include "util/error.h"
#include "util/text.h"

namespace westofn::world {
namespace {

using Words = std::vector<std::string_view>;

constexpr std::array<std::uint32_t, 4> fact_counts = {4, 5, 5, 6};

void append(std::string& text, std::string_view part) {
  if (part.empty()) return;
  if (!text.empty()) text += ' ';
  text += part;
}

/// The three cues of an importance stand together in the table.
std::string_view draw_cue(RandomSequence& random, int importance) {
  return toy_cues[static_cast<std::size_t>(importance) * 3 + random.below(3)].word;
}

std::vector<ToyFact> draw_facts(RandomSequence& random) {
  const std::uint32_t count = fact_counts[random.below(fact_counts.size())];
  std::vector<std::size_t> nouns(toy_nouns.size());
  std::iota(nouns.begin(), nouns.end(), std::size_t{0});
  random.shuffle(nouns);
  std::vector<int> importances = {2, 0};
  while (importances.size() < count) importances.push_back(static_cast<int>(random.below(3)));
  random.shuffle(importances);
  std::vector<ToyFact> facts;
  for (std::size_t i = 0; i < count; ++i) {
    const ToyNoun& noun = toy_nouns[nouns[i]];
    facts.push_back({noun.noun, noun.events[random.below(4)], importances[i]});
  }
  return facts;
}

/// Reads the grammar of a post word by word.
class PostReader {
 public:
  explicit PostReader(std::string_view text) : text_(text), words_(split_words(text)) {}

  std::vector<ToyFact> read() {
    skip_one_of(toy_greetings);
    std::vector<ToyFact> facts;
    while (const auto* cue = find_cue()) facts.push_back(read_fact(*cue, facts));
    if (facts.empty()) fail("it tells no fact such as 'mainly my roof collapsed .'");
    skip_one_of(toy_questions);
    if (next_ != words_.size()) fail("'" + printable(words_[next_]) + "' does not belong there");
    return facts;
  }

 private:
  [[nodiscard]] std::string_view word(std::size_t ahead) const {
    return next_ + ahead < words_.size() ? words_[next_ + ahead] : std::string_view();
  }

  void skip_one_of(const std::array<std::string_view, 4>& phrases) {
    for (const std::string_view phrase : phrases) {
      const Words wanted = split_words(phrase);
      if (wanted.size() > words_.size() - next_) continue;
      if (!std::equal(wanted.begin(), wanted.end(), words_.begin() + static_cast<std::ptrdiff_t>(next_))) continue;
      next_ += wanted.size();
      return;
    }
  }

  [[nodiscard]] const ToyCue* find_cue() const {
    const auto cue =
        std::find_if(toy_cues.begin(), toy_cues.end(), [&](const ToyCue& known) { return known.word == word(0); });
    return cue == toy_cues.end() ? nullptr : &*cue;
  }

  ToyFact read_fact(const ToyCue& cue, const std::vector<ToyFact>& before) {
    const ToyNoun* noun = find_noun(word(2));
    if (word(1) != "my" || noun == nullptr || word(4) != ".") fail("a fact must read 'CUE my NOUN EVENT .'");
    const auto event = std::find(noun->events.begin(), noun->events.end(), word(3));
    if (event == noun->events.end()) fail("'" + printable(word(3)) + "' is no event of " + std::string(noun->noun));
    const auto same = [&](const ToyFact& fact) { return fact.noun == noun->noun; };
    if (std::any_of(before.begin(), before.end(), same)) fail("it tells two facts of " + std::string(noun->noun));
    next_ += 5;
    return {noun->noun, *event, cue.importance};
  }

  [[noreturn]] void fail(const std::string& reason) const {
    throw DataError("not a post of the toy world: " + reason + ": " + printable(text_));
  }

  std::string_view text_;
  Words words_;
  std::size_t next_ = 0;
};

}  // namespace

ToyPost make_post(RandomSequence& random) {
  ToyPost post{{}, draw_facts(random)};
  append(post.text, toy_greetings[random.below(toy_greetings.size())]);
  for (const ToyFact& fact : post.facts) {
    append(post.text, draw_cue(random, fact.importance));
    for (const std::string_view word : {std::string_view("my"), fact.noun, fact.event, std::string_view(".")}) {
      append(post.text, word);
    }
  }
  append(post.text, toy_questions[random.below(toy_questions.size())]);
  return post;
}

std::vector<ToyFact> parse_post(std::string_view text) { return PostReader(text).read(); }

std::vector<std::string_view> split_words(std::string_view text) {
  static constexpr std::string_view blank = " \t\r\n\v\f";
  Words words;
  std::size_t begin = text.find_first_not_of(blank);
  while (begin != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_of(blank, begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(blank, end);
  }
  return words;
}

const ToyNoun* find_noun(std::string_view word) {
  const auto noun =
      std::find_if(toy_nouns.begin(), toy_nouns.end(), [&](const ToyNoun& known) { return known.noun == word; });
  return noun == toy_nouns.end() ? nullptr : &*noun;
}

}  // namespace westofn::world
