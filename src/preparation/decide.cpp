// SPDX-License-Identifier: Apache-2.0
#include "preparation/decide.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "util/error.h"

namespace westofn::preparation {
namespace {

/// Which part of the data a row claims for its group; the greater one goes first.
enum class Role : std::uint8_t { train = 0, validation = 1, judge = 2, test = 3 };

/// Compared in this order: what is given goes before what was placed by hash.
struct Claim {
  bool given = false;
  Role role = Role::train;
  auto operator<=>(const Claim&) const = default;
};

Role role_of(Split split) {
  switch (split) {
    case Split::train: return Role::train;
    case Split::validation: return Role::validation;
    case Split::judge: return Role::judge;
    case Split::test: return Role::test;
  }
  return Role::train;
}

Role role_of(PromptSet set) {
  switch (set) {
    case PromptSet::unlabelled: return Role::train;
    case PromptSet::validation: return Role::validation;
    case PromptSet::test: return Role::test;
  }
  return Role::train;
}

struct HashOf128 {
  std::size_t operator()(const Hash128& hash) const { return static_cast<std::size_t>(hash.low ^ hash.high); }
};

/// One pass over the rows, as the order of the reasons asks.
class Decider {
 public:
  Decider(std::span<const RowKey> rows, const DataSettings& settings, std::uint64_t seed)
      : rows_(rows), settings_(settings), hash_(seed, settings.shares) {
    result_.rows.resize(rows.size());
    for (const RowKey& row : rows) {
      if (row.kind == RowKind::prompt) given_sets_[row.given - 1U] = true;
      if (row.kind == RowKind::demonstration) given_demonstrations_ = true;
    }
  }

  Decisions run() && {
    claim_groups();
    for (std::size_t i = 0; i < rows_.size(); ++i) decide_row(i);
    // Lent prompts come second, so that a prompt of its own file is never the duplicate of a lent one.
    for (std::size_t i = 0; i < rows_.size(); ++i) lend(i);
    return std::move(result_);
  }

 private:
  /// Unlabelled prompts claim nothing: files of them may be added later, and what models were trained and judged on
  /// must not change then.
  [[nodiscard]] Claim claim(const RowKey& row) const {
    if (is_unlabelled(row)) return {false, Role::train};
    if (row.kind == RowKind::demonstration) return {true, Role::train};
    if (row.kind == RowKind::prompt) return {true, role_of(static_cast<PromptSet>(row.given - 1))};
    if (row.given != 0) return {true, role_of(static_cast<Split>(row.given - 1))};
    return {false, role_of(hash_.split(row.group))};
  }

  static bool is_unlabelled(const RowKey& row) {
    return row.kind == RowKind::prompt && row.given == 1 + static_cast<std::uint8_t>(PromptSet::unlabelled);
  }
  /// Whether the user said where the row belongs.
  [[nodiscard]] bool is_given(const RowKey& row) const { return is_unlabelled(row) || claim(row).given; }

  /// The first row with the greatest claim on every group. A prompt is a group too: a file of bare prompts does not
  /// know the groups that a file of pairs gives them.
  void claim_groups() {
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (rows_[i].outcome != Outcome::kept) continue;
      note_claim(rows_[i].group, i);
      note_claim(rows_[i].prompt, i);
    }
  }

  void note_claim(std::uint64_t group, std::size_t i) {
    const auto [entry, is_new] = owner_.try_emplace(group, i);
    if (!is_new && claim(rows_[i]) > claim(rows_[entry->second])) entry->second = i;
  }

  /// A row that keeps this one from standing where it wants: the owner of its group or of its prompt has another role.
  [[nodiscard]] std::optional<std::size_t> rival_of(const RowKey& row) const {
    const std::size_t by_group = owner_.at(row.group);
    const std::size_t by_prompt = owner_.at(row.prompt);
    const Role role = claim(row).role;
    const bool group_differs = claim(rows_[by_group]).role != role;
    const bool prompt_differs = claim(rows_[by_prompt]).role != role;
    if (!group_differs && !prompt_differs) return std::nullopt;
    if (group_differs && prompt_differs) return claim(rows_[by_prompt]) > claim(rows_[by_group]) ? by_prompt : by_group;
    return group_differs ? by_group : by_prompt;
  }

  void decide_row(std::size_t i) {
    const RowKey& row = rows_[i];
    Decision& decision = result_.rows[i];
    decision.outcome = row.outcome;
    if (row.outcome != Outcome::kept) return;
    if (const auto rival = rival_of(row)) {
      decision.outcome = Outcome::overlap;
      if (is_given(row) && is_given(rows_[*rival]) && settings_.on_overlap == OnOverlap::fail) {
        result_.overlaps.push_back({i, *rival});
      }
      return;
    }
    if (!note_text(i)) {
      decision.outcome = Outcome::duplicate;
      return;
    }
    if (row.kind == RowKind::pair) place_pair(row, decision);
  }

  /// Whether this row is the first of its kind (and prompt set) with its text; also finds ids that are used twice.
  bool note_text(std::size_t i) {
    const RowKey& row = rows_[i];
    if (row.kind == RowKind::prompt) {
      if (!prompts_[row.given - 1U].insert(row.prompt).second) return false;
    } else if (!texts_[static_cast<std::size_t>(row.kind)].insert(row.content).second) {
      return false;
    }
    const auto [entry, is_new] = ids_[static_cast<std::size_t>(row.kind)].try_emplace(row.id, i);
    if (!is_new && rows_[entry->second].content != row.content) result_.same_ids.push_back({i, entry->second});
    return true;
  }

  void place_pair(const RowKey& row, Decision& decision) {
    decision.split = row.given != 0 ? static_cast<Split>(row.given - 1) : hash_.split(row.group);
    if (decision.split != Split::train) return;
    const bool labelled = row.given_half != 0 ? row.given_half == 1 : hash_.labelled(row.group);
    decision.labelled_half = labelled ? 1 : 0;
    if (!labelled) return;
    labelled_.insert(row.group);
    labelled_.insert(row.prompt);
    if (!given_demonstrations_) decision.is_demonstration = shown_.insert(row.demonstration).second ? 1 : 0;
  }

  void lend(std::size_t i) {
    const RowKey& row = rows_[i];
    Decision& decision = result_.rows[i];
    if (row.kind != RowKind::pair || decision.outcome != Outcome::kept || decision.split == Split::judge) return;
    PromptSet set = PromptSet::unlabelled;
    if (decision.split == Split::train) {
      // Two pairs of one prompt may stand in both halves where groups or halves are given: the labels are shown then.
      const bool shows_labels = labelled_.contains(row.group) || labelled_.contains(row.prompt);
      if (shows_labels || !settings_.lend_prompts) return;
    } else {
      set = decision.split == Split::validation ? PromptSet::validation : PromptSet::test;
      if (given_sets_[static_cast<std::size_t>(set)]) return;
    }
    const auto index = static_cast<std::size_t>(set);
    if (prompts_[index].insert(row.prompt).second) decision.lends_prompt = static_cast<std::uint8_t>(index + 1);
  }

  std::span<const RowKey> rows_;
  const DataSettings& settings_;
  GroupHash hash_;
  Decisions result_;
  std::array<bool, 3> given_sets_{};
  bool given_demonstrations_ = false;
  std::unordered_map<std::uint64_t, std::size_t> owner_;  ///< group or prompt -> row with the greatest claim
  std::unordered_set<std::uint64_t> labelled_;            ///< groups and prompts of HF50
  std::unordered_set<std::uint64_t> shown_;               ///< demonstrations that labelled pairs give
  std::array<std::unordered_set<Hash128, HashOf128>, 3> texts_;
  std::array<std::unordered_set<std::uint64_t>, 3> prompts_;
  std::array<std::unordered_map<std::uint64_t, std::size_t>, 3> ids_;
};

std::string bytes_of(std::uint64_t value) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>((value >> (8 * i)) & 0xff);
  return bytes;
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  static constexpr std::array<std::string_view, outcome_count> names = {
      "kept",         "bad_record",     "no_common_prompt", "further_turn",
      "empty_prompt", "empty_response", "equal_responses",  "tied_scores",
      "one_response", "duplicate",      "overlap"};
  return names[static_cast<std::size_t>(outcome)];
}

Outcome to_outcome(io::DropReason reason) {
  switch (reason) {
    case io::DropReason::bad_record: return Outcome::bad_record;
    case io::DropReason::no_common_prompt: return Outcome::no_common_prompt;
    case io::DropReason::further_turn: return Outcome::further_turn;
    case io::DropReason::empty_prompt: return Outcome::empty_prompt;
    case io::DropReason::empty_response: return Outcome::empty_response;
    case io::DropReason::equal_responses: return Outcome::equal_responses;
    case io::DropReason::tied_scores: return Outcome::tied_scores;
    case io::DropReason::one_response: return Outcome::one_response;
  }
  throw InternalError("unknown reason of an importer");
}

Split GroupHash::split(std::uint64_t group) const {
  const std::uint64_t bits = hash_fields({"split", bytes_of(seed_), bytes_of(group)}).high;
  const double u = static_cast<double>(bits >> 11) * 0x1p-53;
  if (u < shares_.train) return Split::train;
  if (u < shares_.train + shares_.validation) return Split::validation;
  if (u < shares_.train + shares_.validation + shares_.test) return Split::test;
  // With a judge share of 0 rounding must not invent judges.
  return shares_.judge > 0 ? Split::judge : Split::train;
}

bool GroupHash::labelled(std::uint64_t group) const {
  return (hash_fields({"half", bytes_of(seed_), bytes_of(group)}).high >> 63) != 0;
}

Decisions decide(std::span<const RowKey> rows, const DataSettings& settings, std::uint64_t seed) {
  WESTOFN_CHECK(std::is_sorted(rows.begin(), rows.end(),
                               [](const RowKey& a, const RowKey& b) {
                                 return a.source != b.source ? a.source < b.source : a.line < b.line;
                               }),
                "rows must be in the order of the input");
  return Decider(rows, settings, seed).run();
}

}  // namespace westofn::preparation
