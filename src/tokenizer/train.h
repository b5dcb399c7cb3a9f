// SPDX-License-Identifier: Apache-2.0
// Training of a SentencePiece tokenizer as T5 has it.
#pragma once

#include <string>
#include <vector>

#include "tokenizer/settings.h"

namespace westofn::tokenizer {

/// What a tokenizer is trained on.
struct TrainingTexts {
  std::vector<std::string> sentences;  ///< the corpus
  std::vector<std::string> phrases;    ///< texts that models will always see, such as the words of templates
  std::vector<std::string> labels;     ///< texts that must be one piece each
};

/// The bytes of a spiece.model: Unigram, ids pad 0, end 1, unknown 2; the same bytes for the same texts. Takes minutes
/// for a large corpus. Local. Throws ConfigError if a label does not become one piece or the vocabulary is too small
/// for the characters, DataError if there is no text.
[[nodiscard]] std::string train_tokenizer(const TokenizerSettings& settings, const TrainingTexts& texts);

}  // namespace westofn::tokenizer
