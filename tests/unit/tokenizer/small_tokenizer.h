// SPDX-License-Identifier: Apache-2.0
// A tokenizer that tests train themselves, and texts for it.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"
#include "tokenizer/train.h"
#include "util/philox.h"

namespace westofn::tokenizer {

/// Words of a small language: long and short ones, with characters of one to four bytes.
inline const std::vector<std::string>& small_words() {
  static const std::vector<std::string> words = {"the",    "a",     "dog",   "barked", "internationalisation",
                                                 "and",    "müde",  "naïve", "日本語", "straße",
                                                 "🙂ok", "cats",  "sat",   "on",     "mats",
                                                 ".",      "?",     "what",  "worse",  "roommates",
                                                 "cat",    "mat",   "nine",  "bark",   "international",
                                                 "so",     "rooms", "mate",  "日本",   "answer:"};
  return words;
}

inline std::string small_text(RandomSequence& random, int words) {
  std::string text;
  for (int i = 0; i < words; ++i) {
    if (i > 0) text += random.chance(0.05) ? "\n" : " ";
    text += small_words()[random.below(static_cast<std::uint32_t>(small_words().size()))];
  }
  return text;
}

inline TrainingTexts small_texts() {
  RandomSequence random(Philox("small texts", 1, 0, ""));
  TrainingTexts texts;
  for (int i = 0; i < 200; ++i) texts.sentences.push_back(small_text(random, 12));
  texts.phrases = {"[CONTEXT]  [RESPONSE A]  [RESPONSE B] ", "[CONTEXT]  [RESPONSE] "};
  texts.labels = {"A", "B"};
  return texts;
}

inline const std::string& small_model() {
  static const std::string bytes =
      train_tokenizer({.vocab_size = 140, .character_coverage = 1, .max_sentences = 1000}, small_texts());
  return bytes;
}

inline Tokenizer small_tokenizer(std::int64_t vocab_size = std::numeric_limits<std::int64_t>::max()) {
  return Tokenizer::parse(small_model(), vocab_size, "small");
}

}  // namespace westofn::tokenizer
