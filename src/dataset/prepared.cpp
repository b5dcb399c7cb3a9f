// SPDX-License-Identifier: Apache-2.0
#include "dataset/prepared.h"

#include <string_view>
#include <utility>

#include "io/manifest.h"
#include "io/record_file.h"

namespace westofn::dataset {
namespace {

bool passes(const HumanPair& pair, const PairFilter& filter) {
  if (pair.split != filter.split) return false;
  if (filter.split != Split::train || filter.set == HumanSet::hf100) return true;
  return filter.set == HumanSet::hf50 && pair.labelled_half;
}

/// The records of all files whose names begin with `prefix` that `wanted` says yes to; the manifest lists files in
/// order.
template <class Read, class Wanted>
auto read_files(const std::string& folder, std::string_view prefix, Read read, Wanted wanted) {
  decltype(read(std::string(), io::FileInfo())) all;
  for (const io::FileInfo& file : io::read_manifest(folder).files) {
    if (!file.name.starts_with(prefix)) continue;
    for (auto& record : read(folder + "/" + file.name, file)) {
      if (wanted(record)) all.push_back(std::move(record));
    }
  }
  return all;
}

}  // namespace

std::vector<HumanPair> read_human_pairs(const std::string& prepare_folder, const PairFilter& filter) {
  return read_files(
      prepare_folder, "pairs-",
      [](const std::string& path, const io::FileInfo& file) { return io::read_pairs(path, file); },
      [&](const HumanPair& pair) { return passes(pair, filter); });
}

std::vector<Demonstration> read_demonstrations(const std::string& prepare_folder) {
  return read_files(
      prepare_folder, "demonstrations-",
      [](const std::string& path, const io::FileInfo& file) { return io::read_demonstrations(path, file); },
      [](const Demonstration&) { return true; });
}

std::vector<Prompt> read_prompts(const std::string& prepare_folder, PromptSet set) {
  return read_files(
      prepare_folder, "prompts-",
      [](const std::string& path, const io::FileInfo& file) { return io::read_prompts(path, file); },
      [&](const Prompt& prompt) { return prompt.set == set; });
}

}  // namespace westofn::dataset
