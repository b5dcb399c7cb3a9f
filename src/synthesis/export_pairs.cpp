// SPDX-License-Identifier: Apache-2.0
#include "synthesis/export_pairs.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "dataset/human_set.h"
#include "dataset/prepared.h"
#include "io/file.h"
#include "io/hdf5.h"
#include "io/jsonl_writer.h"
#include "io/manifest.h"
#include "io/mixture_file.h"
#include "io/record_file.h"
#include "io/synthetic_pair_file.h"
#include "synthesis/export_rows.h"
#include "synthesis/row_output.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::synthesis {
namespace {

namespace fs = std::filesystem;

constexpr const char* mixture_name = "mixture.h5";

/// A file, with what the manifest of its folder says of it.
struct PairFile {
  std::string path;
  std::optional<io::FileInfo> expected;
};

std::vector<PairFile> find_files(const std::string& pairs) {
  std::error_code ignored;
  if (!fs::is_directory(pairs, ignored)) return {{pairs, std::nullopt}};
  std::vector<PairFile> files;
  for (const auto& file : io::read_manifest(pairs).files) {
    if (file.name.starts_with("pairs-")) files.push_back({pairs + "/" + file.name, file});
  }
  if (files.empty()) throw DataError(printable(pairs) + ": no pairs are in this folder; give that of a recipe");
  return files;
}

/// What the file says it is; empty if it does not say.
std::string type_of(const std::string& path) {
  const io::Hdf5Reader file(path);
  const auto names = file.attribute_names("/");
  if (std::find(names.begin(), names.end(), "filetype") == names.end()) return "";
  return file.attribute_as<std::string>("/", "filetype");
}

/// Of the mixture that stands in the folder of a file of pairs, if there is one.
std::optional<io::MixtureLineage> lineage_beside(const std::string& pair_file) {
  const std::string path = (fs::path(pair_file).parent_path() / mixture_name).string();
  if (!io::file_status(path)) return std::nullopt;
  return io::read_lineage(path);
}

/// The key of an input of a stage; "" if it has none of that name.
std::string input_key(const io::Manifest& manifest, std::string_view name) {
  const auto input = std::ranges::find(manifest.inputs, name, &io::ManifestInput::name);
  return input == manifest.inputs.end() ? "" : input->key;
}

/// The key of the stage `prepare`. The recipe itself names only its labelled part; its pools name the whole.
std::string prepare_key(const fs::path& recipe, const io::Manifest& manifest) {
  const std::string pools = input_key(manifest, "pools");
  const std::string folder = (recipe.parent_path() / ("pools-" + pools.substr(0, 8))).string();
  if (!pools.empty() && io::has_manifest(folder)) return input_key(io::read_manifest(folder), "prepare");
  return input_key(manifest, "prepare");
}

/// The pairs that the mixture's human rows number, from the stage `prepare` that stands beside the recipe.
std::vector<HumanPair> human_pairs_of(const fs::path& recipe, const io::Manifest& manifest,
                                      const std::vector<std::string>& ids) {
  if (ids.empty()) return {};
  const std::string key = prepare_key(recipe, manifest);
  if (key.empty()) {
    throw DataError(recipe.string() + ": its manifest names no stage `prepare`, where the human pairs stand");
  }
  const std::string folder = (recipe.parent_path() / ("prepare-" + key.substr(0, 8))).string();
  if (!io::has_manifest(folder) || io::read_manifest(folder).key != key) {
    throw DataError(printable(folder) +
                    ": the human pairs of the mixture are read from here, but it is not there; "
                    "leave the recipe in its run folder, or export the folder of the recipe for the synthetic pairs");
  }
  std::vector<HumanPair> found;
  for (auto& pair : dataset::read_human_pairs(folder, {Split::train, HumanSet::hf100})) {
    if (found.size() < ids.size() && pair.id == ids[found.size()]) found.push_back(std::move(pair));
  }
  if (found.size() < ids.size()) {
    throw DataError(printable(folder) + ": has no human pair '" + printable(ids[found.size()], 60) +
                    "', which the mixture names; run the recipe again");
  }
  return found;
}

std::int64_t export_mixture(const std::string& path, io::JsonlWriter& writer) {
  const fs::path recipe = fs::absolute(path).lexically_normal().parent_path();
  const io::Manifest manifest = io::read_manifest(recipe.string());
  const io::FileInfo& file = io::find_file(manifest, mixture_name);
  const io::MixtureLineage lineage = io::read_lineage(path, file);
  const std::vector<HumanPair> human = human_pairs_of(recipe, manifest, lineage.human_ids);
  const std::vector<SyntheticPair> kept = io::read_kept_pairs(recipe.string());
  if (kept.size() != lineage.synthetic.size()) {
    throw DataError(printable(path) + ": numbers " + std::to_string(lineage.synthetic.size()) +
                    " synthetic pairs, but the recipe keeps " + std::to_string(kept.size()) + "; run it again");
  }
  std::int64_t rows = 0;
  for (const MixtureRow& row : io::read_mixture(path, file)) {
    const auto i = static_cast<std::size_t>(row.row);
    const bool is_human = row.source == PairSourceKind::human;
    writer.write(is_human ? mixture_row(human[i]) : mixture_row(kept[i], lineage));
    ++rows;
  }
  return rows;
}

std::int64_t export_files(const std::vector<PairFile>& files, io::JsonlWriter& writer) {
  std::int64_t rows = 0;
  std::optional<io::MixtureLineage> lineage;
  const auto write = [&](const ExportRow& row) {
    writer.write(row);
    ++rows;
  };
  for (const auto& file : files) {
    if (type_of(file.path) == "westofn/pairs") {
      for (const auto& pair : io::read_pairs(file.path, file.expected)) write(human_row(pair));
      continue;
    }
    if (!lineage) lineage = lineage_beside(file.path);  // all files stand in one folder
    for (const auto& pair : io::read_synthetic_pairs(file.path, file.expected)) {
      if (pair.outcome == PairOutcome::kept) write(synthetic_row(pair, lineage ? &*lineage : nullptr));
    }
  }
  return rows;
}

}  // namespace

std::int64_t export_pairs(const std::string& pairs, const std::string& out) {
  check_new_file(out);
  const std::vector<PairFile> files = find_files(pairs);
  const bool is_mixture = type_of(files.front().path) == "westofn/mixture";
  io::JsonlWriter writer(out);
  const std::int64_t rows = is_mixture ? export_mixture(pairs, writer) : export_files(files, writer);
  writer.commit();
  return rows;
}

}  // namespace westofn::synthesis
