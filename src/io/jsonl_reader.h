// SPDX-License-Identifier: Apache-2.0
// Reads .jsonl and .jsonl.gz line by line, and parses the lines that the caller wants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/input_stream.h"
#include "io/json_text.h"

namespace westofn::io {

/// Bytes that a line may have, without its end.
inline constexpr std::size_t jsonl_line_limit = std::size_t{16} << 20;

/// One line that is not blank. The text is valid until the next call of the reader.
struct Line {
  std::int64_t number = 0;  ///< from 1, blank lines counted
  std::string_view text;    ///< without the end of the line
  bool too_long = false;    ///< the line is above jsonl_line_limit; the text is empty
};

/// The lines of a file, plain or gzip. Cheap: nothing is parsed, so a rank may read past the lines of others.
/// Blank lines are skipped; CRLF, a byte order mark at the start and a last line without an end are accepted.
class JsonlReader {
 public:
  /// Throws DataError if the path is missing, a folder or unreadable.
  explicit JsonlReader(const std::string& path);

  /// The next line, or nothing at the end. Throws DataError if compressed data are damaged or cut off, IoError if
  /// reading fails.
  [[nodiscard]] std::optional<Line> next();

  [[nodiscard]] const std::string& path() const { return input_.path(); }

 private:
  enum class Ending { newline, end_of_file };
  Ending take_line();

  InputStream input_;
  std::string_view unread_;  ///< of the last chunk
  std::string line_;
  bool too_long_ = false;
  std::int64_t number_ = 0;
};

/// Parses a line as a JSON object. Throws DataError "FILE:LINE: ...".
[[nodiscard]] nlohmann::json parse_row(const Line& line, const std::string& path);

/// What to do with a line that cannot be used.
enum class OnBadRecord { fail, skip };

/// Lines that were skipped: how many, and the first of them for the report.
struct SkippedRecords {
  struct Record {
    std::int64_t line = 0;
    std::string reason;
  };
  static constexpr std::size_t reported = 5;

  std::int64_t count = 0;
  std::vector<Record> first;  ///< at most `reported`

  void add(std::int64_t line, std::string reason);
};

/// Calls `use(row)` for a line that holds a JSON object. Under `skip`, a DataError of the parser or of `use` is noted
/// in `skipped` instead of thrown. Returns whether the line was used.
bool use_row(const Line& line, const std::string& path, OnBadRecord on_bad, SkippedRecords& skipped,
             const std::function<void(const JsonValue&)>& use);

}  // namespace westofn::io
