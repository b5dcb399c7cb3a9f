// SPDX-License-Identifier: Apache-2.0
#include "dataset/pair_set.h"

#include <utility>

#include "io/hdf5.h"
#include "io/manifest.h"
#include "io/mixture_file.h"
#include "io/synthetic_pair_file.h"
#include "util/error.h"

namespace westofn::dataset {
namespace {

constexpr const char* mixture_name = "mixture.h5";

/// The rows of a mixture number human pairs: they must be these ones.
void refuse_other_pairs(const std::string& path, const io::FileInfo& file, const std::vector<HumanPair>& pairs) {
  const std::vector<std::string> ids = io::Hdf5Reader(path, file).text("/human/id");
  bool same = ids.size() == pairs.size();
  for (std::size_t i = 0; same && i < ids.size(); ++i) same = ids[i] == pairs[i].id;
  if (same) return;
  throw DataError(path + ": was made with " + std::to_string(ids.size()) + " other human pairs than the " +
                  std::to_string(pairs.size()) + " of this reward model; give it the `human` set of its recipe");
}

void add_human_pairs(std::vector<HumanPair> pairs, PairSet& set) {
  for (auto& pair : pairs) {
    // The confidence of annotators is in a scale of their own, so that it is no probability.
    set.pairs.push_back({std::move(pair.prompt), std::move(pair.chosen), std::move(pair.rejected), 1,
                         std::move(pair.group), std::move(pair.id)});
    ++set.sources[pair.source];
  }
  set.human = static_cast<std::int64_t>(set.pairs.size());
}

}  // namespace

PairSet human_pair_set(const std::string& prepare_folder, const PairFilter& filter) {
  PairSet set;
  add_human_pairs(read_human_pairs(prepare_folder, filter), set);
  return set;
}

PairSet mixture_pair_set(const std::string& prepare_folder, HumanSet set, const std::string& recipe_folder) {
  const io::Manifest manifest = io::read_manifest(recipe_folder);
  const io::FileInfo& file = io::find_file(manifest, mixture_name);
  const std::string path = recipe_folder + "/" + mixture_name;
  std::vector<HumanPair> human = read_human_pairs(prepare_folder, {Split::train, set});
  refuse_other_pairs(path, file, human);

  PairSet mixture;
  add_human_pairs(std::move(human), mixture);
  for (auto& pair : io::read_kept_pairs(recipe_folder)) {
    mixture.pairs.push_back({std::move(pair.prompt_text), std::move(pair.chosen_response),
                             std::move(pair.rejected_response), pair.confidence});
    mixture.pairs.back().id = std::move(pair.prompt_id);
  }
  const auto pairs = static_cast<std::int64_t>(mixture.pairs.size());
  for (const MixtureRow& row : io::read_mixture(path, file)) {
    const bool is_human = row.source == PairSourceKind::human;
    const std::int64_t begin = is_human ? 0 : mixture.human;
    const std::int64_t end = is_human ? mixture.human : pairs;
    if (row.row < 0 || row.row >= end - begin) {
      throw DataError(path + ": row " + std::to_string(mixture.order.size()) + " names pair " +
                      std::to_string(row.row) + " of " + std::to_string(end - begin) +
                      "; delete the folder to make it again");
    }
    mixture.order.push_back(begin + row.row);
  }
  return mixture;
}

}  // namespace westofn::dataset
