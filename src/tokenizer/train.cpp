// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/train.h"

#include <sentencepiece_trainer.h>

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

#include "tokenizer/tokenizer.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::tokenizer {
namespace {

/// Hands the lines of all texts to SentencePiece, which takes a line break for a character like others.
class Lines final : public sentencepiece::SentenceIterator {
 public:
  explicit Lines(const TrainingTexts& texts) {
    // Labels and phrases come so often that they become pieces, but hardly change the counts of the corpus.
    const std::size_t repeats = 16 + texts.sentences.size() / 10;
    add_part(texts.sentences, 1);
    note_doubles(texts.phrases);
    note_doubles(texts.labels);
    add_part(doubles_, 1);
    add_part(texts.phrases, repeats);
    add_part(texts.labels, repeats);
    find_line();
  }

  [[nodiscard]] bool done() const override { return part_ == parts_.size(); }
  void Next() override {
    begin_ += line_.size() + 1;
    find_line();
  }
  [[nodiscard]] const std::string& value() const override { return line_; }
  [[nodiscard]] sentencepiece::util::Status status() const override { return {}; }

 private:
  struct Part {
    const std::vector<std::string>* texts;
    std::size_t repeats;
  };

  void add_part(const std::vector<std::string>& texts, std::size_t repeats) {
    if (!texts.empty()) parts_.push_back({&texts, repeats});
  }

  /// SentencePiece takes only what different letters follow, counted over different words, for a possible piece; so
  /// each of these words stands in its double too. Pieces never join letters and punctuation.
  void note_doubles(const std::vector<std::string>& texts) {
    constexpr std::string_view borders = " \n\t!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    for (const std::string_view text : texts) {
      for (std::size_t begin = 0; (begin = text.find_first_not_of(borders, begin)) != std::string_view::npos;) {
        const std::string word(text.substr(begin, text.find_first_of(borders, begin) - begin));
        doubles_.push_back(word + word);
        begin += word.size();
      }
    }
  }

  /// Goes on to the next line that is not empty, from where `begin_` stands.
  void find_line() {
    for (; !done(); next_text()) {
      const std::string& text = (*parts_[part_].texts)[text_];
      while (begin_ < text.size() && text[begin_] == '\n') ++begin_;
      if (begin_ >= text.size()) continue;
      line_ = text.substr(begin_, text.find('\n', begin_) - begin_);
      return;
    }
  }

  void next_text() {
    begin_ = 0;
    if (++text_ < parts_[part_].texts->size()) return;
    text_ = 0;
    if (++round_ < parts_[part_].repeats) return;
    round_ = 0;
    ++part_;
  }

  std::vector<std::string> doubles_;
  std::vector<Part> parts_;
  std::size_t part_ = 0;
  std::size_t round_ = 0;
  std::size_t text_ = 0;
  std::size_t begin_ = 0;
  std::string line_;
};

std::unordered_map<std::string, std::string> trainer_options(const TokenizerSettings& settings) {
  return {{"model_type", "unigram"},
          {"vocab_size", std::to_string(settings.vocab_size)},
          {"hard_vocab_limit", "false"},  // a small corpus gives a smaller vocabulary
          {"character_coverage", std::to_string(settings.character_coverage)},
          {"pad_id", "0"},
          {"eos_id", "1"},
          {"unk_id", "2"},
          {"bos_id", "-1"},
          {"max_sentence_length", std::to_string(1 << 24)},
          {"num_threads", "1"},  // sums in one order: the same bytes every time
          {"minloglevel", "2"}};
}

bool has_text(const std::vector<std::string>& texts) {
  return std::any_of(texts.begin(), texts.end(), [](const std::string& text) { return !trimmed(text).empty(); });
}

}  // namespace

std::string train_tokenizer(const TokenizerSettings& settings, const TrainingTexts& texts) {
  if (!has_text(texts.sentences)) throw DataError("there is no text to train a tokenizer on; give pairs or prompts");
  Lines lines(texts);
  std::string bytes;
  const auto status = sentencepiece::SentencePieceTrainer::Train(trainer_options(settings), &lines, &bytes);
  if (!status.ok()) {
    throw ConfigError("cannot train a tokenizer with vocab_size " + std::to_string(settings.vocab_size) + ": " +
                      printable(status.ToString()) +
                      "; raise tokenizer.vocab_size or lower tokenizer.character_coverage");
  }
  const auto trained = Tokenizer::parse(bytes, std::numeric_limits<std::int64_t>::max(), "the trained tokenizer");
  for (const auto& label : texts.labels) {
    if (trained.encode(label).size() == 1) continue;
    throw ConfigError(
        "the label '" + printable(label) + "' did not become one piece of the trained tokenizer; choose " +
        "a short word of letters, or raise tokenizer.vocab_size above " + std::to_string(settings.vocab_size));
  }
  return bytes;
}

}  // namespace westofn::tokenizer
