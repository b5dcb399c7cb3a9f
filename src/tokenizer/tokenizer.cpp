// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>

#include "tokenizer/check_model.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::tokenizer {
namespace {

constexpr std::uint64_t file_cap = std::uint64_t{64} << 20U;
constexpr TokenId sentinel_count = 100;
constexpr TokenId unknown_id = 2;
constexpr std::string_view sentinel_start = "<extra_id_";
constexpr std::string_view blank_mark = "\u2581";  ///< stands for a blank in pieces

/// A sentinel in a text.
struct SentinelMatch {
  std::size_t begin = 0;
  std::size_t end = 0;
  TokenId number = 0;
};

/// The first "<extra_id_N>" with N from 0 to 99, written without leading zeros.
std::optional<SentinelMatch> find_sentinel(std::string_view text) {
  for (std::size_t begin = text.find(sentinel_start); begin != std::string_view::npos;
       begin = text.find(sentinel_start, begin + 1)) {
    const std::string_view digits = text.substr(begin + sentinel_start.size(), 3);
    TokenId number = -1;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const auto length = static_cast<std::size_t>(parsed.ptr - digits.data());
    const bool is_plain = length == 1 || (length == 2 && digits.front() != '0');
    if (number < 0 || !is_plain || length >= digits.size() || digits[length] != '>') continue;
    return SentinelMatch{begin, begin + sentinel_start.size() + length + 1, number};
  }
  return std::nullopt;
}

std::size_t count_words(std::string_view piece) {
  std::size_t words = 1;
  for (std::size_t at = piece.find(blank_mark, 1); at != std::string_view::npos; at = piece.find(blank_mark, at + 1)) {
    ++words;
  }
  return words;
}

/// What to do about a missing spiece.model, by what else lies beside it.
std::string advise_without(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path.parent_path() / "tokenizer.json", ignored)) {
    return "a T5 folder needs the spiece.model of its tokenizer";
  }
  return "tokenizer.json alone is not read; copy the spiece.model of the model that this one was made from (for T5, "
         "T5 v1.1 and FLAN-T5 that of any T5 of the hub, such as google/flan-t5-base) into the folder";
}

std::string read_model_file(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw DataError(printable(path, 1000) + ": no such file; " + advise_without(path));
  }
  const std::uint64_t bytes = std::filesystem::file_size(path, error);
  if (!error && bytes > file_cap) {
    throw DataError(printable(path) + ": has " + human_bytes(bytes) + ", more than the " + human_bytes(file_cap) +
                    " that a tokenizer may have");
  }
  std::string content(error ? 0 : static_cast<std::size_t>(bytes), '\0');
  std::ifstream file(path, std::ios::binary);
  if (error || !file.read(content.data(), static_cast<std::streamsize>(content.size()))) {
    throw IoError(printable(path) + ": cannot be read; look at its permissions and at the disk");
  }
  return content;
}

}  // namespace

struct Tokenizer::Model {
  std::string bytes;
  sentencepiece::SentencePieceProcessor processor;
  TokenId pieces = 0;
  bool has_sentinels = false;

  /// Number N stands at pieces + 99 - N and the other way round.
  [[nodiscard]] TokenId mirror(TokenId number_or_offset) const { return sentinel_count - 1 - number_or_offset; }

  /// SentencePiece makes one unknown piece of neighbouring unknown words, transformers one for each word.
  void append_text(std::string text, Tokens& ids) const {
    // As T5's own normalisation does; a model without one would take line breaks for letters.
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c >= '\t' && c <= '\r'; }, ' ');
    std::vector<int> found;
    check(processor.Encode(text, &found));
    if (std::find(found.begin(), found.end(), unknown_id) == found.end()) {
      ids.insert(ids.end(), found.begin(), found.end());
      return;
    }
    std::vector<std::string> surfaces;
    check(processor.Encode(text, &surfaces));
    WESTOFN_CHECK(surfaces.size() == found.size(), "one surface for each id");
    for (std::size_t i = 0; i < found.size(); ++i) {
      ids.insert(ids.end(), found[i] == unknown_id ? count_words(surfaces[i]) : 1, found[i]);
    }
  }

  void append_decoded(const std::vector<int>& ids, std::string& text) const {
    if (ids.empty()) return;
    // SentencePiece drops the blank before the first word, which is right at the start of the text only.
    if (!text.empty() && processor.IdToPiece(ids.front()).starts_with(blank_mark)) text += ' ';
    std::string part;
    check(processor.Decode(ids, &part));
    text += part;
  }

  static void check(const sentencepiece::util::Status& status) { WESTOFN_CHECK(status.ok(), status.ToString()); }
};

Tokenizer::Tokenizer(std::unique_ptr<Model> model) : model_(std::move(model)) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Tokenizer Tokenizer::load(const std::string& folder, std::int64_t vocab_size) {
  const std::string path = folder + "/spiece.model";
  return parse(read_model_file(path), vocab_size, path);
}

Tokenizer Tokenizer::parse(std::string_view bytes, std::int64_t vocab_size, const std::string& name) {
  check_model(bytes, name);
  auto model = std::make_unique<Model>();
  model->bytes = bytes;
  try {
    const auto status = model->processor.LoadFromSerializedProto({model->bytes.data(), model->bytes.size()});
    if (!status.ok()) throw DataError(printable(name) + ": SentencePiece refuses it: " + printable(status.ToString()));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw DataError(printable(name) + ": SentencePiece refuses it: " + printable(error.what()));
  }
  const auto& processor = model->processor;
  model->pieces = processor.GetPieceSize();
  if (processor.pad_id() != 0 || processor.eos_id() != 1 || processor.unk_id() != unknown_id) {
    throw DataError(printable(name) + ": not the tokenizer of a T5 model, which has padding, end and unknown at 0, 1 " +
                    "and 2");
  }
  if (model->pieces > vocab_size) {
    throw DataError(printable(name) + ": has " + std::to_string(model->pieces) +
                    " pieces, but the vocabulary of the model has room for " + std::to_string(vocab_size) +
                    " only; give the spiece.model that belongs to the model");
  }
  model->has_sentinels = vocab_size - model->pieces >= sentinel_count;
  return Tokenizer(std::move(model));
}

Tokens Tokenizer::encode(std::string_view text) const {
  Tokens ids;
  while (model_->has_sentinels) {
    const auto match = find_sentinel(text);
    if (!match) break;
    model_->append_text(std::string(text.substr(0, match->begin)), ids);
    ids.push_back(model_->pieces + model_->mirror(match->number));
    text.remove_prefix(match->end);
  }
  model_->append_text(std::string(text), ids);
  return ids;
}

Tokens Tokenizer::encode_with_end(std::string_view text) const {
  Tokens ids = encode(text);
  ids.push_back(end_id());
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  std::string text;
  std::vector<int> run;
  for (const TokenId id : ids) {
    WESTOFN_CHECK(id >= 0, "token ids are not negative");
    if (id == pad_id() || id == end_id()) continue;
    if (id < model_->pieces) {
      run.push_back(id);
      continue;
    }
    const TokenId offset = id - model_->pieces;
    if (!model_->has_sentinels || offset >= sentinel_count) continue;  // room in the vocabulary that nothing uses
    model_->append_decoded(run, text);
    run.clear();
    text += std::string(sentinel_start) + std::to_string(model_->mirror(offset)) + ">";
  }
  model_->append_decoded(run, text);
  return text;
}

TokenId Tokenizer::label(std::string_view text) const {
  const Tokens ids = encode(text);
  if (ids.size() != 1 || ids.front() == unknown_id) {
    const bool unknown = ids.size() == 1;
    throw ConfigError("the label '" + printable(text) + "' must be one piece of the tokenizer, but it is " +
                      (unknown ? "unknown to it" : std::to_string(ids.size()) + " pieces") + "; choose another label");
  }
  return ids.front();
}

std::int64_t Tokenizer::pieces() const { return model_->pieces; }

const std::string& Tokenizer::model_bytes() const { return model_->bytes; }

}  // namespace westofn::tokenizer
