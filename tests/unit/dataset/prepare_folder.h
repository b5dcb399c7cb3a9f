// SPDX-License-Identifier: Apache-2.0
// Small finished stages `prepare` and `recipe`, as tests need them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "io/durable_file.h"
#include "io/manifest.h"
#include "io/mixture_file.h"
#include "io/record_file.h"
#include "io/synthetic_pair_file.h"

namespace westofn::testing {

/// Its responses begin with words that the toy tokenizer knows.
inline HumanPair human_pair(const std::string& id, Split split, bool labelled = false) {
  HumanPair pair;
  pair.id = id;
  pair.prompt = "prompt " + id;
  pair.chosen = "well " + id;
  pair.rejected = "wrong " + id;
  pair.split = split;
  pair.labelled_half = labelled;
  return pair;
}

inline io::Manifest manifest_of(const std::string& stage, std::vector<io::FileInfo> files) {
  return {stage, "0123456789abcdef0123456789abcdef", "test", std::move(files), {}, "", {}};
}

/// Publishes a stage with two files of pairs and one of demonstrations.
inline void write_prepare_folder(const std::string& folder, std::span<const HumanPair> first,
                                 std::span<const HumanPair> second, std::span<const Demonstration> demonstrations) {
  io::make_folder_durable(folder);
  std::vector<io::FileInfo> files;
  files.push_back(io::write_demonstrations(folder + "/demonstrations-00000.h5", demonstrations));
  files.push_back(io::write_pairs(folder + "/pairs-00000.h5", first));
  files.push_back(io::write_pairs(folder + "/pairs-00001.h5", second));
  io::write_manifest(folder, manifest_of("prepare", std::move(files)));
}

/// Publishes a recipe with the kept pairs s0, s1, ... (and a dropped one before them) and a mixture of these rows.
inline void write_recipe_folder(const std::string& folder, int kept, std::span<const MixtureRow> rows,
                                const std::vector<std::string>& human_ids) {
  io::make_folder_durable(folder);
  std::vector<SyntheticPair> pairs(static_cast<std::size_t>(kept) + 1);
  pairs[0].outcome = PairOutcome::inverted;
  io::MixtureLineage lineage{human_ids, {}};
  for (int i = 0; i < kept; ++i) {
    SyntheticPair& pair = pairs[static_cast<std::size_t>(i) + 1];
    pair.prompt = i + 1;
    pair.prompt_id = "s" + std::to_string(i);
    pair.prompt_text = "prompt s" + std::to_string(i);
    pair.chosen_response = "well s" + std::to_string(i);
    pair.rejected_response = "wrong s" + std::to_string(i);
    pair.confidence = 0.75;
    lineage.synthetic.push_back({i + 1, 0, i + 1});
  }
  std::vector<io::FileInfo> files;
  files.push_back(io::write_mixture(folder + "/mixture.h5", rows, lineage));
  files.push_back(io::write_synthetic_pairs(folder + "/pairs-00000.h5", pairs));
  io::write_manifest(folder, manifest_of("recipe-test", std::move(files)));
}

}  // namespace westofn::testing
