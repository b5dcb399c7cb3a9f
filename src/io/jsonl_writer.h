// SPDX-License-Identifier: Apache-2.0
// Writes a .jsonl file that appears under its name only when it is complete and safe on the disk.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "io/durable_file.h"

namespace westofn::io {

/// One JSON object a line, keys in the given order, UTF-8 as it is, floats with the digits that bring them back.
class JsonlWriter {
 public:
  explicit JsonlWriter(const std::string& path) : file_(path), path_(path) {}

  /// Appends a row. Throws DataError if a text is not UTF-8 or a number is not finite (JSON has no word for it).
  void write(const nlohmann::ordered_json& row);

  /// Publishes the file; see DurableFile::commit.
  FileInfo commit() { return file_.commit(); }

 private:
  DurableFile file_;
  std::string path_;
  std::int64_t rows_ = 0;
};

}  // namespace westofn::io
