// SPDX-License-Identifier: Apache-2.0
// The `tokenizer` section of an experiment: how a tokenizer is trained where no model brings one.
#pragma once

#include <cstdint>

namespace westofn::tokenizer {

/// How a tokenizer is trained.
struct TokenizerSettings {
  std::int64_t vocab_size = 8000;
  double character_coverage = 0.9998;
  std::int64_t max_sentences = 200'000;
  bool unlabelled_prompts = false;
};

template <class V>
void visit_fields(V& v, TokenizerSettings& s) {
  v.optional("vocab_size", s.vocab_size, "most pieces; a small corpus gives fewer");
  v.optional("character_coverage", s.character_coverage, "share of the characters of the corpus that get a piece");
  v.optional("max_sentences", s.max_sentences, "texts that are read; of more, a sample drawn at random");
  v.optional("unlabelled_prompts", s.unlabelled_prompts,
             "read the unlabelled prompts too; a file of prompts that is added later then makes another tokenizer, and "
             "all models are trained again");
  v.check("vocab_size", s.vocab_size >= 32 && s.vocab_size <= 1'000'000, "a number from 32 to 1000000");
  v.check("character_coverage", s.character_coverage >= 0.9 && s.character_coverage <= 1, "a number from 0.9 to 1");
  v.check("max_sentences", s.max_sentences >= 1 && s.max_sentences <= 10'000'000, "a number from 1 to 10000000");
}

}  // namespace westofn::tokenizer
