// SPDX-License-Identifier: Apache-2.0
// Strict JSON for texts that others wrote, and typed access to it with errors that name file, line and field.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace westofn::io {

/// Where a text came from, for messages.
struct TextPlace {
  std::string file;
  std::int64_t line = 0;  ///< of the first character, from 1; 0 if the text is not one line of a file

  /// "pairs.jsonl:3" or "config.json".
  [[nodiscard]] std::string describe() const;
};

/// Containers within containers that a text may have.
inline constexpr int json_depth_limit = 64;

/// Parses one whole JSON text. Throws DataError with the place for a syntax error, duplicate keys, a depth above
/// json_depth_limit, invalid UTF-8, lone surrogates, NaN, Infinity, numbers out of range and text after the value.
[[nodiscard]] nlohmann::json parse_json(std::string_view text, const TextPlace& place);

/// A value inside a parsed JSON text that knows its place ("pairs.jsonl:3: field 'info.id'"). Borrows the JSON and
/// the place. Every accessor throws DataError if the value is missing or of another type.
class JsonValue {
 public:
  JsonValue(const nlohmann::json& value, const TextPlace& place) : value_(&value), place_(&place) {}
  JsonValue(const nlohmann::json& value, TextPlace&& place) = delete;
  JsonValue(nlohmann::json&& value, const TextPlace& place) = delete;

  /// The member of an object; it must be there.
  [[nodiscard]] JsonValue field(std::string_view key) const;
  /// The member of an object; nothing if it is missing or null.
  [[nodiscard]] std::optional<JsonValue> find(std::string_view key) const;
  /// The elements of a list.
  [[nodiscard]] std::vector<JsonValue> items() const;
  /// The keys of an object, in alphabetical order.
  [[nodiscard]] std::vector<std::string> keys() const;

  [[nodiscard]] bool is_list() const;
  [[nodiscard]] bool is_text() const;
  [[nodiscard]] const std::string& text() const;
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] double number() const;
  [[nodiscard]] std::int64_t integer() const;
  /// An integer that is not negative.
  [[nodiscard]] std::uint64_t count() const;
  /// An id: a string that is not empty, or an integer, which becomes its decimal digits.
  [[nodiscard]] std::string id() const;

  /// The JSON itself.
  [[nodiscard]] const nlohmann::json& json() const { return *value_; }
  /// Throws DataError "FILE:LINE: field 'PATH': MESSAGE".
  [[noreturn]] void fail(std::string_view message) const;

 private:
  JsonValue(const JsonValue& parent, const nlohmann::json& value, std::string path)
      : value_(&value), place_(parent.place_), path_(std::move(path)) {}
  [[noreturn]] void fail_type(std::string_view expected) const;

  const nlohmann::json* value_;
  const TextPlace* place_;
  std::string path_;  ///< "info.id", "completions[2].response"; empty for the whole text
};

}  // namespace westofn::io
