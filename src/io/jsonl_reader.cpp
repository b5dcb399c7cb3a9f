// SPDX-License-Identifier: Apache-2.0
#include "io/jsonl_reader.h"

#include <nlohmann/json.hpp>

#include "util/error.h"
#include "util/text.h"

namespace westofn::io {

JsonlReader::JsonlReader(const std::string& path) : input_(path) {}

std::optional<Line> JsonlReader::next() {
  while (true) {
    if (take_line() == Ending::end_of_file && line_.empty() && !too_long_) return std::nullopt;
    ++number_;
    std::string_view text = line_;
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (number_ == 1 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (too_long_ || text.size() > jsonl_line_limit) return Line{number_, {}, true};
    if (!trimmed(text).empty()) return Line{number_, text, false};
  }
}

JsonlReader::Ending JsonlReader::take_line() {
  line_.clear();
  too_long_ = false;
  while (true) {
    if (unread_.empty()) unread_ = input_.next_chunk();
    if (unread_.empty()) return Ending::end_of_file;
    const std::size_t newline = unread_.find('\n');
    // One byte more than the limit for the carriage return, three for the byte order mark.
    if (!too_long_) line_.append(unread_.substr(0, newline));
    if (line_.size() > jsonl_line_limit + 4) {
      too_long_ = true;
      line_.clear();
    }
    if (newline == std::string_view::npos) {
      unread_ = {};
    } else {
      unread_.remove_prefix(newline + 1);
      return Ending::newline;
    }
  }
}

nlohmann::json parse_row(const Line& line, const std::string& path) {
  const TextPlace place{path, line.number};
  if (line.too_long) {
    throw DataError(place.describe() + ": the line is longer than " + human_bytes(jsonl_line_limit) +
                    "; a row of a JSONL file stands on one line of its own");
  }
  nlohmann::json row = parse_json(line.text, place);
  if (!row.is_object()) {
    throw DataError(place.describe() + ": expected a JSON object {...}, found " + printable(line.text, 40));
  }
  return row;
}

void SkippedRecords::add(std::int64_t line, std::string reason) {
  ++count;
  if (first.size() < reported) first.push_back({line, std::move(reason)});
}

bool use_row(const Line& line, const std::string& path, OnBadRecord on_bad, SkippedRecords& skipped,
             const std::function<void(const JsonValue&)>& use) {
  try {
    const nlohmann::json row = parse_row(line, path);
    const TextPlace place{path, line.number};
    use(JsonValue(row, place));
    return true;
  } catch (const DataError& error) {
    if (on_bad == OnBadRecord::fail) throw;
    skipped.add(line.number, error.what());
    return false;
  }
}

}  // namespace westofn::io
