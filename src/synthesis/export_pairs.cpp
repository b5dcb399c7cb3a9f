// SPDX-License-Identifier: Apache-2.0
#include "synthesis/export_pairs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "io/hdf5.h"
#include "io/jsonl_writer.h"
#include "io/manifest.h"
#include "io/record_file.h"
#include "io/synthetic_pair_file.h"
#include "synthesis/row_output.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::synthesis {
namespace {

using Row = nlohmann::ordered_json;

/// A file, with what the manifest of its folder says of it.
struct PairFile {
  std::string path;
  std::optional<io::FileInfo> expected;
};

std::vector<PairFile> find_files(const std::string& pairs) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(pairs, ignored)) return {{pairs, std::nullopt}};
  std::vector<PairFile> files;
  for (const auto& file : io::read_manifest(pairs).files) {
    if (file.name.starts_with("pairs-")) files.push_back({pairs + "/" + file.name, file});
  }
  if (files.empty()) throw DataError(printable(pairs) + ": no pairs are in this folder; give that of a recipe");
  return files;
}

Row row_of(const SyntheticPair& pair) {
  return {{"prompt", pair.prompt_text},
          {"chosen", pair.chosen_response},
          {"rejected", pair.rejected_response},
          {"prompt_id", pair.prompt_id},
          {"group", pair.group},
          {"chosen_sample", pair.chosen},
          {"rejected_sample", pair.rejected},
          {"confidence", pair.confidence},
          {"chosen_log_likelihood", pair.chosen_log_likelihood},
          {"rejected_log_likelihood", pair.rejected_log_likelihood},
          {"chosen_tokens", pair.chosen_tokens},
          {"rejected_tokens", pair.rejected_tokens},
          {"cycle", pair.cycle}};
}

Row row_of(const HumanPair& pair) {
  constexpr std::array split_names = {"train", "validation", "test", "judge"};
  Row row = {{"prompt", pair.prompt},
             {"chosen", pair.chosen},
             {"rejected", pair.rejected},
             {"id", pair.id},
             {"group", pair.group},
             {"split", split_names[static_cast<std::size_t>(pair.split)]},
             {"labelled_half", pair.labelled_half},
             {"source", pair.source},
             {"line", pair.line}};
  if (std::isfinite(pair.confidence)) row["confidence"] = pair.confidence;
  return row;
}

/// Whether a file holds human pairs and not synthetic ones.
bool holds_human_pairs(const std::string& path) {
  const io::Hdf5Reader file(path);
  const auto names = file.attribute_names("/");
  const bool has_type = std::find(names.begin(), names.end(), "filetype") != names.end();
  return has_type && file.attribute_as<std::string>("/", "filetype") == "westofn/pairs";
}

}  // namespace

std::int64_t export_pairs(const std::string& pairs, const std::string& out) {
  check_new_file(out);
  const std::vector<PairFile> files = find_files(pairs);
  io::JsonlWriter writer(out);
  std::int64_t rows = 0;
  const auto write = [&](const auto& pair) {
    writer.write(row_of(pair));
    ++rows;
  };
  for (const auto& file : files) {
    if (holds_human_pairs(file.path)) {
      for (const auto& pair : io::read_pairs(file.path, file.expected)) write(pair);
    } else {
      for (const auto& pair : io::read_synthetic_pairs(file.path, file.expected)) {
        if (pair.outcome == PairOutcome::kept) write(pair);
      }
    }
  }
  writer.commit();
  return rows;
}

}  // namespace westofn::synthesis
