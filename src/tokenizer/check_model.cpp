// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/check_model.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "util/error.h"
#include "util/text.h"

namespace westofn::tokenizer {
namespace {

constexpr std::size_t piece_cap = 4096;
constexpr int table_depth_cap = 1024;
/// The library keeps so many prefixes of a text that the table replaces, and does not look whether there are more.
constexpr int prefix_cap = 32;

/// What is wrong, without the name of the file.
struct BrokenModel {
  std::string why;
};

/// One field of a protobuf message.
struct Field {
  std::uint64_t number = 0;
  std::uint64_t value = 0;  ///< of numbers
  std::string_view bytes;   ///< of texts and messages
};

/// Goes through the fields of a message.
class Message {
 public:
  explicit Message(std::string_view bytes) : rest_(bytes) {}

  std::optional<Field> next() {
    if (rest_.empty()) return std::nullopt;
    const std::uint64_t tag = read_varint();
    Field field{.number = tag >> 3U, .value = 0, .bytes = {}};
    switch (tag & 7U) {
      case 0: field.value = read_varint(); break;
      case 1: field.value = read_fixed(8); break;
      case 2: field.bytes = take(read_varint()); break;
      case 5: field.value = read_fixed(4); break;
      default: throw BrokenModel{"a field of an unknown type"};
    }
    if (field.number == 0) throw BrokenModel{"a field without a number"};
    return field;
  }

 private:
  std::string_view take(std::uint64_t count) {
    if (count > rest_.size()) throw BrokenModel{"a field is longer than the file"};
    const std::string_view bytes = rest_.substr(0, static_cast<std::size_t>(count));
    rest_.remove_prefix(bytes.size());
    return bytes;
  }

  std::uint64_t read_fixed(std::size_t count) {
    std::uint64_t value = 0;
    std::memcpy(&value, take(count).data(), count);
    return value;
  }

  std::uint64_t read_varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(take(1).front());
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    throw BrokenModel{"a number of more than 64 bits"};
  }

  std::string_view rest_;
};

/// The table of replacements: a double array (as the Darts library has it) whose values are offsets into the texts.
class ReplacementTable {
 public:
  explicit ReplacementTable(std::string_view table) {
    std::uint32_t bytes = 0;
    if (table.size() <= sizeof(bytes)) throw BrokenModel{"the normalisation table is cut off"};
    std::memcpy(&bytes, table.data(), sizeof(bytes));
    table.remove_prefix(sizeof(bytes));
    if (bytes == 0 || bytes % sizeof(std::uint32_t) != 0 || bytes >= table.size() || table.back() != '\0') {
      throw BrokenModel{"the normalisation table has wrong sizes"};
    }
    units_.resize(bytes / sizeof(std::uint32_t));
    std::memcpy(units_.data(), table.data(), bytes);
    text_bytes_ = table.size() - bytes;
    prefixes_.assign(units_.size(), unknown);
  }

  void check() { (void)count_prefixes(0, 0); }

 private:
  static constexpr int unknown = -1;
  static constexpr int in_work = -2;

  static std::size_t offset(std::uint32_t unit) { return (unit >> 10U) << ((unit & (1U << 9U)) >> 6U); }
  static std::uint32_t label(std::uint32_t unit) { return unit & ((1U << 31U) | 0xFFU); }
  static bool has_value(std::uint32_t unit) { return ((unit >> 8U) & 1U) != 0; }

  [[nodiscard]] std::uint32_t unit(std::size_t index) const {
    if (index >= units_.size()) throw BrokenModel{"the normalisation table leads outside of itself"};
    return units_[index];
  }

  /// The most values on a way from this node downwards; every node is looked at once.
  int count_prefixes(std::size_t node, int depth) {
    int& known = prefixes_[node];
    if (known >= 0) return known;
    if (known == in_work || depth > table_depth_cap) throw BrokenModel{"the normalisation table has no end"};
    known = in_work;
    const std::size_t base = node ^ offset(unit(node));
    int below = 0;
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      if (label(unit(base ^ byte)) == byte) below = std::max(below, count_prefixes(base ^ byte, depth + 1));
    }
    // The value of the root would belong to the empty text: the library never reads it.
    const bool counts = node != 0 && has_value(unit(node));
    if (counts && (unit(base) & 0x7FFFFFFFU) >= text_bytes_) throw BrokenModel{"a replacement without a text"};
    const int prefixes = below + (counts ? 1 : 0);
    if (prefixes > prefix_cap) throw BrokenModel{"the normalisation table has too many prefixes"};
    return known = prefixes;
  }

  std::vector<std::uint32_t> units_;
  std::vector<int> prefixes_;
  std::size_t text_bytes_ = 0;
};

void check_piece(std::string_view bytes) {
  std::string_view piece;
  Message message(bytes);
  while (const auto field = message.next()) {
    if (field->number == 1) piece = field->bytes;
    if (field->number == 2 && !std::isfinite(std::bit_cast<float>(static_cast<std::uint32_t>(field->value)))) {
      throw BrokenModel{"a score that is not a number"};
    }
  }
  if (piece.empty() || piece.size() > piece_cap || piece.find('\0') != std::string_view::npos) {
    throw BrokenModel{"a piece of " + std::to_string(piece.size()) + " bytes, or with a NUL in it"};
  }
}

void check_normaliser(std::string_view bytes) {
  Message message(bytes);
  while (const auto field = message.next()) {
    if (field->number == 2 && !field->bytes.empty()) ReplacementTable(field->bytes).check();
  }
}

}  // namespace

void check_model(std::string_view bytes, const std::string& name) {
  try {
    std::size_t pieces = 0;
    Message model(bytes);
    while (const auto field = model.next()) {
      if (field->number == 1) {
        check_piece(field->bytes);
        ++pieces;
      } else if (field->number == 3 || field->number == 5) {
        check_normaliser(field->bytes);
      }
    }
    if (pieces == 0) throw BrokenModel{"no pieces"};
  } catch (const BrokenModel& broken) {
    throw DataError(printable(name) + ": not a SentencePiece model (" + broken.why +
                    "); give the spiece.model that belongs to the T5 model");
  }
}

}  // namespace westofn::tokenizer
