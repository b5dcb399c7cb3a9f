// SPDX-License-Identifier: Apache-2.0
// An experiment file, parsed and checked as YAML, with the values that the command line replaces in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/node.h"

namespace westofn::config {

/// A checked document whose root is a map; config::read turns it into a settings struct.
class Document {
 public:
  /// Parses `text`; `name` stands for the file in messages; each override is "key.path=value" as for set().
  /// Throws ConfigError with every place as NAME:LINE:COLUMN.
  Document(std::string_view text, std::string name, const std::vector<std::string>& overrides = {});

  /// Replaces or adds one value: "data.pairs[0].path=a.jsonl"; `data.pairs.0.path` is the same. The value is YAML.
  /// A list grows by one when the index is its length. Throws ConfigError.
  void set(std::string_view assignment);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const Node& root() const { return root_; }

 private:
  std::string name_;
  Node root_;
};

/// Reads and parses a file of at most 1 MB. Throws ConfigError, also when the file cannot be read.
[[nodiscard]] Document load_document(const std::string& path, const std::vector<std::string>& overrides = {});

}  // namespace westofn::config
