// SPDX-License-Identifier: Apache-2.0
// The balance of `prepare`: every row of the input is kept or has one reason.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "preparation/decide.h"
#include "preparation/sources.h"

namespace westofn::preparation {

struct Balance {
  /// One input file: `rows` = sum of `outcomes`.
  struct File {
    std::string name;
    RowKind kind = RowKind::pair;
    std::int64_t rows = 0;
    std::array<std::int64_t, outcome_count> outcomes{};  ///< index: Outcome
  };
  /// One split of the pairs.
  struct Part {
    std::int64_t pairs = 0;
    std::int64_t groups = 0;
  };

  std::vector<File> files;
  std::array<Part, 4> splits;                      ///< index: Split
  std::int64_t labelled_half = 0;                  ///< pairs of the training split in HF50
  std::array<std::int64_t, 3> prompts_given{};     ///< index: PromptSet
  std::array<std::int64_t, 3> prompts_of_pairs{};  ///< prompts that pairs lend to the set
  std::int64_t demonstrations = 0;

  /// HF50 as a share of the training pairs; 0 without any.
  [[nodiscard]] double labelled_share() const;
};

[[nodiscard]] Balance make_balance(const std::vector<Source>& sources, std::span<const RowKey> rows,
                                   std::span<const Decision> decisions);

/// The balance as the JSON of balance.json.
[[nodiscard]] std::string to_json(const Balance& balance);

/// The counts that go into the manifest: "pairs.train", "dropped.duplicate", ...
[[nodiscard]] std::map<std::string, std::int64_t> manifest_counts(const Balance& balance);

/// The same as a readable table, from the counts of a manifest, so that a finished stage prints what the first run did.
[[nodiscard]] std::string balance_table(const std::map<std::string, std::int64_t>& counts);

}  // namespace westofn::preparation
