// SPDX-License-Identifier: Apache-2.0
// Small text helpers: UTF-8 check, safe printing, nearest name, sizes for people.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace westofn {

/// Offset of the first byte that is not valid UTF-8 (overlong forms, surrogates and values above U+10FFFF are
/// invalid), or nothing.
[[nodiscard]] std::optional<std::size_t> find_invalid_utf8(std::string_view text);

/// The text as it may be printed to a terminal: control bytes as \n, \t or \xNN, cut to `limit` bytes with "...".
/// Every text that comes from a file goes through this before it is put into a message.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 200);

/// The candidate with the smallest edit distance, if it is near enough to be a typing error.
[[nodiscard]] std::optional<std::string> nearest_name(std::string_view name, std::span<const std::string> candidates);

/// "1.5 GiB", "312 B".
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

/// "1 h 02 min", "3.4 s".
[[nodiscard]] std::string human_seconds(double seconds);

/// The parts between separators; empty parts are kept.
[[nodiscard]] std::vector<std::string> split_text(std::string_view text, char separator);

/// The parts with the separator between them.
[[nodiscard]] std::string join_text(std::span<const std::string> parts, std::string_view separator);

/// Without white space (blank, tab, newline, carriage return) at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

}  // namespace westofn
