// SPDX-License-Identifier: Apache-2.0
// What becomes of each row of the input: kept or dropped, which split, which half. Pure functions of small row keys,
// so that rank 0 can decide for tens of millions of rows without their texts.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/importers/importer.h"
#include "preparation/settings.h"
#include "record/records.h"
#include "util/hash.h"

namespace westofn::preparation {

/// What the rows of a source are.
enum class RowKind : std::uint8_t { pair, prompt, demonstration };

/// Why a row is not in the output; the reasons of the importers, then those that need all rows.
enum class Outcome : std::uint8_t {
  kept = 0,
  bad_record,
  no_common_prompt,
  further_turn,
  empty_prompt,
  empty_response,
  equal_responses,
  tied_scores,
  one_response,
  duplicate,  ///< the same row stands earlier in the input
  overlap,    ///< its group stands in a split that goes before this one
};
inline constexpr std::size_t outcome_count = 11;
[[nodiscard]] std::string_view to_string(Outcome outcome);
[[nodiscard]] Outcome to_outcome(io::DropReason reason);

/// What is known of a row when its text is gone (64 bytes). Trivially copyable: it travels to rank 0.
struct RowKey {
  Hash128 content;                  ///< of all texts of the row
  std::uint64_t prompt = 0;         ///< XXH3-64
  std::uint64_t demonstration = 0;  ///< of prompt and chosen response; pairs only
  std::uint64_t group = 0;
  std::uint64_t id = 0;
  std::int64_t line = 0;
  std::uint32_t source = 0;  ///< index of the file
  RowKind kind = RowKind::pair;
  Outcome outcome = Outcome::kept;  ///< from the importer
  std::uint8_t given = 0;           ///< 1 + split (pairs) or 1 + prompt set (prompts) if given, else 0
  std::uint8_t given_half = 0;      ///< 1: labelled, 2: other, 0: by group
};

/// What becomes of a row. Trivially copyable: it travels back to the rank that owns the row.
struct Decision {
  Outcome outcome = Outcome::kept;
  Split split = Split::train;         ///< of a kept pair
  std::uint8_t labelled_half = 0;     ///< a kept training pair belongs to HF50
  std::uint8_t lends_prompt = 0;      ///< 1 + PromptSet of the prompt that this pair also gives, else 0
  std::uint8_t is_demonstration = 0;  ///< this pair also gives its chosen response as a demonstration
};

/// Where a split or half by group comes from: hashes of (seed, group).
class GroupHash {
 public:
  GroupHash(std::uint64_t seed, const Shares& shares) : seed_(seed), shares_(shares) {}
  /// The split of a group whose files give none.
  [[nodiscard]] Split split(std::uint64_t group) const;
  /// Whether a group of the training split belongs to the labelled half: the top bit of the hash of (seed, group).
  [[nodiscard]] bool labelled(std::uint64_t group) const;

 private:
  std::uint64_t seed_;
  Shares shares_;
};

/// Rows of one group in two splits that were both given, while on_overlap is `fail`.
struct Overlap {
  std::size_t row = 0;    ///< index of the row in the lesser split
  std::size_t other = 0;  ///< index of a row of the same group in the greater one
};

/// The outcome of decide().
struct Decisions {
  std::vector<Decision> rows;     ///< one per key
  std::vector<Overlap> overlaps;  ///< if any: an error for the user; the decisions are then not to be used
  std::vector<Overlap> same_ids;  ///< rows of one kind with one id and different texts: an error as well
};

/// Decides for all rows, which must be sorted by (source, line). Order of the reasons: the importer's own, overlap,
/// duplicate.
///
/// Overlap: where a group, or a prompt, stands in several splits, rows with a given split go before rows that were
/// placed by hash, and then test goes before judge, judge before validation, validation before training (demonstrations
/// are given training rows). Unlabelled prompts go last, so that a file of them that is added takes nothing from the
/// other rows. Two given splits are an error or, as the settings say, the
/// lesser row is dropped; a row that was placed by hash gives way silently, counted.
[[nodiscard]] Decisions decide(std::span<const RowKey> rows, const DataSettings& settings, std::uint64_t seed);

}  // namespace westofn::preparation
