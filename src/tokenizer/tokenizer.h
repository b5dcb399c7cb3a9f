// SPDX-License-Identifier: Apache-2.0
// Text to token ids and back, as T5 does it: SentencePiece pieces, sentinels above them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace westofn::tokenizer {

using TokenId = std::int32_t;
using Tokens = std::vector<TokenId>;

/// The tokenizer of a T5 folder. Immutable; several threads may use it.
class Tokenizer {
 public:
  /// Reads FOLDER/spiece.model. `vocab_size` is that of the model: sentinels are known only where it has room for them.
  /// Throws DataError that names the file if it is missing, too large, damaged, or has more pieces than `vocab_size`.
  static Tokenizer load(const std::string& folder, std::int64_t vocab_size);
  /// The same from the bytes of a model; `name` is for messages.
  static Tokenizer parse(std::string_view bytes, std::int64_t vocab_size, const std::string& name);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  /// The ids of a text without the end token; `<extra_id_7>` is one sentinel.
  [[nodiscard]] Tokens encode(std::string_view text) const;
  /// The ids and the end token.
  [[nodiscard]] Tokens encode_with_end(std::string_view text) const;
  /// The text of ids; padding and end tokens give nothing.
  [[nodiscard]] std::string decode(std::span<const TokenId> ids) const;
  /// The one piece that a label text gives; throws ConfigError if it gives none or several.
  [[nodiscard]] TokenId label(std::string_view text) const;

  [[nodiscard]] TokenId pad_id() const { return 0; }
  [[nodiscard]] TokenId end_id() const { return 1; }
  /// Number of SentencePiece pieces, without sentinels.
  [[nodiscard]] std::int64_t pieces() const;
  /// The bytes of spiece.model, to be copied into a saved folder.
  [[nodiscard]] const std::string& model_bytes() const;

 private:
  struct Model;
  explicit Tokenizer(std::unique_ptr<Model> model);
  std::unique_ptr<Model> model_;
};

}  // namespace westofn::tokenizer
