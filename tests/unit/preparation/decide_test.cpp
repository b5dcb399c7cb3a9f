// SPDX-License-Identifier: Apache-2.0
#include "preparation/decide.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "preparation/balance.h"
#include "util/philox.h"

namespace westofn::preparation {
namespace {

constexpr std::uint64_t seed = 3;

/// Rows in the order of the input, made one by one.
class Rows {
 public:
  RowKey& pair(std::string_view prompt, std::string_view text, std::uint32_t source = 0) {
    return add(RowKind::pair, prompt, text, source);
  }
  RowKey& prompt(std::string_view text, PromptSet set, std::uint32_t source) {
    RowKey& row = add(RowKind::prompt, text, "", source);
    row.given = static_cast<std::uint8_t>(static_cast<int>(set) + 1);
    return row;
  }
  RowKey& demonstration(std::string_view prompt, std::string_view text, std::uint32_t source) {
    return add(RowKind::demonstration, prompt, text, source);
  }
  [[nodiscard]] const std::vector<RowKey>& keys() const { return keys_; }

 private:
  RowKey& add(RowKind kind, std::string_view prompt, std::string_view text, std::uint32_t source) {
    RowKey row;
    row.kind = kind;
    row.source = source;
    row.line = static_cast<std::int64_t>(keys_.size()) + 1;
    row.content = hash_fields({prompt, text});
    row.prompt = hash64(prompt);
    row.group = hash64(prompt);
    row.demonstration = row.content.low;
    row.id = row.content.low;
    keys_.push_back(row);
    return keys_.back();
  }

  std::vector<RowKey> keys_;
};

void give(RowKey& row, Split split) { row.given = static_cast<std::uint8_t>(static_cast<int>(split) + 1); }

std::vector<Outcome> outcomes(const Decisions& decisions) {
  std::vector<Outcome> list;
  for (const auto& decision : decisions.rows) list.push_back(decision.outcome);
  return list;
}

TEST(Decide, DropsTheLaterOfTwoEqualRows) {
  Rows rows;
  rows.pair("p", "a");
  rows.pair("p", "b");
  rows.pair("p", "a");
  EXPECT_EQ(outcomes(decide(rows.keys(), {}, seed)),
            (std::vector<Outcome>{Outcome::kept, Outcome::kept, Outcome::duplicate}));
}

TEST(Decide, KeepsTheReasonOfTheImporter) {
  Rows rows;
  rows.pair("p", "a").outcome = Outcome::further_turn;
  rows.pair("p", "a");
  EXPECT_EQ(outcomes(decide(rows.keys(), {}, seed)), (std::vector<Outcome>{Outcome::further_turn, Outcome::kept}))
      << "a dropped row is not the first of two duplicates";
}

TEST(Decide, PutsAllRowsOfAGroupIntoOneSplit) {
  Rows rows;
  for (int group = 0; group < 200; ++group) {
    for (const auto* text : {"a", "b", "c"}) rows.pair("prompt " + std::to_string(group), text);
  }
  const Decisions decisions = decide(rows.keys(), {}, seed);
  std::map<std::uint64_t, std::pair<Split, int>> split_of;
  for (std::size_t i = 0; i < rows.keys().size(); ++i) {
    const auto& d = decisions.rows[i];
    ASSERT_EQ(d.outcome, Outcome::kept);
    const auto [entry, is_new] = split_of.try_emplace(rows.keys()[i].group, d.split, d.labelled_half);
    EXPECT_EQ(entry->second, std::make_pair(d.split, static_cast<int>(d.labelled_half)));
  }
}

TEST(Decide, SharesAndHalvesFollowTheSettings) {
  const Shares shares{0.5, 0.2, 0.2, 0.1};
  const GroupHash hash(seed, shares);
  const int groups = 20000;
  std::array<int, 4> counts{};
  int labelled = 0;
  for (int i = 0; i < groups; ++i) {
    const std::uint64_t group = hash64(std::to_string(i));
    ++counts[static_cast<std::size_t>(hash.split(group))];
    labelled += hash.labelled(group) ? 1 : 0;
  }
  // Five standard errors of a binomial count.
  const auto near = [&](int count, double p) { EXPECT_NEAR(count, groups * p, 5 * std::sqrt(groups * p * (1 - p))); };
  near(counts[0], 0.5);
  near(counts[1], 0.2);
  near(counts[2], 0.2);
  near(counts[3], 0.1);
  near(labelled, 0.5);
}

TEST(Decide, AnotherSeedIsAnotherSplit) {
  const GroupHash one(1, {});
  const GroupHash two(2, {});
  int same = 0;
  for (int i = 0; i < 1000; ++i)
    same += one.labelled(hash64(std::to_string(i))) == two.labelled(hash64(std::to_string(i)));
  EXPECT_NEAR(same, 500, 5 * std::sqrt(1000 * 0.25));
}

TEST(Decide, ReportsOverlapsOfGivenSplits) {
  Rows rows;
  give(rows.pair("p", "a", 0), Split::train);
  give(rows.pair("p", "b", 1), Split::test);
  DataSettings settings;
  const Decisions decisions = decide(rows.keys(), settings, seed);
  ASSERT_EQ(decisions.overlaps.size(), 1U);
  EXPECT_EQ(decisions.overlaps[0].row, 0U);
  EXPECT_EQ(decisions.overlaps[0].other, 1U);
  settings.on_overlap = OnOverlap::drop;
  const Decisions dropped = decide(rows.keys(), settings, seed);
  EXPECT_TRUE(dropped.overlaps.empty());
  EXPECT_EQ(outcomes(dropped), (std::vector<Outcome>{Outcome::overlap, Outcome::kept})) << "test goes before training";
}

TEST(Decide, TheSameRowInTrainAndTestIsAnOverlapNotADuplicate) {
  Rows rows;
  give(rows.pair("p", "a", 0), Split::train);
  give(rows.pair("p", "a", 1), Split::test);
  DataSettings settings;
  settings.on_overlap = OnOverlap::drop;
  EXPECT_EQ(outcomes(decide(rows.keys(), settings, seed)), (std::vector<Outcome>{Outcome::overlap, Outcome::kept}));
}

TEST(Decide, ARowThatWasPlacedByHashGivesWaySilently) {
  Rows rows;
  for (int i = 0; i < 50; ++i) rows.pair("p" + std::to_string(i), "a", 0);
  for (int i = 0; i < 50; ++i) give(rows.pair("p" + std::to_string(i), "b", 1), Split::test);
  const Decisions decisions = decide(rows.keys(), {}, seed);
  EXPECT_TRUE(decisions.overlaps.empty());
  int overlaps = 0;
  for (std::size_t i = 0; i < 50; ++i) overlaps += decisions.rows[i].outcome == Outcome::overlap ? 1 : 0;
  EXPECT_GT(overlaps, 30) << "most groups would have been training groups";
  for (std::size_t i = 50; i < 100; ++i) EXPECT_EQ(decisions.rows[i].outcome, Outcome::kept);
}

TEST(Decide, AGivenTrainingRowGoesBeforeATestRowThatWasPlacedByHash) {
  Rows rows;
  for (int i = 0; i < 200; ++i) give(rows.pair("p" + std::to_string(i), "a", 0), Split::train);
  for (int i = 0; i < 200; ++i) rows.pair("p" + std::to_string(i), "b", 1);
  const Decisions decisions = decide(rows.keys(), {}, seed);
  EXPECT_TRUE(decisions.overlaps.empty());
  for (std::size_t i = 0; i < 200; ++i) EXPECT_EQ(decisions.rows[i].outcome, Outcome::kept);
}

TEST(Decide, ARowThatWasPlacedByHashDoesNotHideAConflictOfGivenSplits) {
  for (int i = 0; i < 50; ++i) {  // among 50 groups some are test groups by hash
    Rows rows;
    const std::string prompt = "p" + std::to_string(i);
    give(rows.pair(prompt, "a", 0), Split::train);
    give(rows.pair(prompt, "b", 1), Split::validation);
    rows.pair(prompt, "c", 2);
    EXPECT_EQ(decide(rows.keys(), {}, seed).overlaps.size(), 1U) << prompt;
  }
}

TEST(Decide, APromptOfTheLabelledHalfIsNeverLent) {
  Rows rows;
  give(rows.pair("p", "a", 0), Split::train);
  give(rows.pair("p", "b", 1), Split::train);
  std::vector<RowKey> keys = rows.keys();
  keys[0].given_half = 2;
  keys[1].given_half = 1;
  EXPECT_EQ(decide(keys, {}, seed).rows[0].lends_prompt, 0) << "the same prompt in both given halves";
}

TEST(Decide, TheSameChosenResponseIsOneDemonstration) {
  Rows rows;
  for (const auto* rejected : {"x", "y"}) {
    RowKey& row = rows.pair("p", rejected);
    give(row, Split::train);
    row.given_half = 1;
    row.demonstration = 77;
  }
  const Decisions decisions = decide(rows.keys(), {}, seed);
  EXPECT_EQ(decisions.rows[0].is_demonstration, 1);
  EXPECT_EQ(decisions.rows[1].is_demonstration, 0);
}

TEST(Decide, UnlabelledPromptsAndDemonstrationsStayOutOfTheTestGroups) {
  Rows rows;
  give(rows.pair("p", "a", 0), Split::test);
  rows.prompt("p", PromptSet::unlabelled, 1);
  rows.prompt("q", PromptSet::unlabelled, 1);
  rows.demonstration("p", "r", 2);
  DataSettings settings;
  settings.on_overlap = OnOverlap::drop;
  EXPECT_EQ(outcomes(decide(rows.keys(), settings, seed)),
            (std::vector<Outcome>{Outcome::kept, Outcome::overlap, Outcome::kept, Outcome::overlap}));
}

TEST(Decide, UnlabelledPromptsTakeNothingFromOtherRows) {
  Rows rows;
  for (int i = 0; i < 50; ++i) rows.pair("p" + std::to_string(i), "a", 0);
  for (int i = 0; i < 50; i += 7) give(rows.pair("p" + std::to_string(i), "b", 0), Split::train);
  const std::vector<RowKey> before = rows.keys();
  for (int i = 0; i < 50; ++i) rows.prompt("p" + std::to_string(i), PromptSet::unlabelled, 1);
  const Decisions without = decide(before, {}, seed);
  const Decisions with = decide(rows.keys(), {}, seed);
  EXPECT_TRUE(with.overlaps.empty()) << "no split was given for the other rows";
  int dropped = 0;
  for (std::size_t i = 0; i < with.rows.size(); ++i) {
    if (i < before.size()) {
      EXPECT_EQ(with.rows[i].outcome, without.rows[i].outcome);
      EXPECT_EQ(with.rows[i].split, without.rows[i].split);
      EXPECT_EQ(with.rows[i].labelled_half, without.rows[i].labelled_half);
    } else {
      dropped += with.rows[i].outcome == Outcome::overlap ? 1 : 0;
    }
  }
  EXPECT_GT(dropped, 0) << "prompts of groups that are held out by hash give way";
}

TEST(Decide, APromptIsAGroupOfItsOwnWhereTheFilesNameOtherGroups) {
  Rows rows;
  RowKey& pair = rows.pair("p", "a", 0);
  give(pair, Split::test);
  pair.group = hash64("post 17");
  rows.prompt("p", PromptSet::unlabelled, 1);
  DataSettings settings;
  settings.on_overlap = OnOverlap::drop;
  EXPECT_EQ(outcomes(decide(rows.keys(), settings, seed)), (std::vector<Outcome>{Outcome::kept, Outcome::overlap}));
}

TEST(Decide, TheOtherHalfLendsEachPromptOnceWithoutLabels) {
  Rows rows;
  for (const auto* text : {"a", "b"}) {
    RowKey& row = rows.pair("p", text);
    give(row, Split::train);
    row.given_half = 2;
  }
  RowKey& labelled = rows.pair("q", "a");
  give(labelled, Split::train);
  labelled.given_half = 1;
  const Decisions decisions = decide(rows.keys(), {}, seed);
  EXPECT_EQ(decisions.rows[0].lends_prompt, 1 + static_cast<int>(PromptSet::unlabelled));
  EXPECT_EQ(decisions.rows[1].lends_prompt, 0) << "the same prompt once";
  EXPECT_EQ(decisions.rows[2].lends_prompt, 0) << "the labelled half keeps its prompts";
  EXPECT_EQ(decisions.rows[0].is_demonstration, 0);
  EXPECT_EQ(decisions.rows[2].is_demonstration, 1) << "chosen responses of the labelled half are demonstrations";
  DataSettings settings;
  settings.lend_prompts = false;
  EXPECT_EQ(decide(rows.keys(), settings, seed).rows[0].lends_prompt, 0);
}

TEST(Decide, ValidationAndTestPairsGiveTheirPromptsUnlessThereIsAFile) {
  Rows rows;
  give(rows.pair("v", "a", 0), Split::validation);
  give(rows.pair("t", "a", 0), Split::test);
  rows.prompt("other test", PromptSet::test, 1);
  const Decisions decisions = decide(rows.keys(), {}, seed);
  EXPECT_EQ(decisions.rows[0].lends_prompt, 1 + static_cast<int>(PromptSet::validation));
  EXPECT_EQ(decisions.rows[1].lends_prompt, 0) << "there is a file of test prompts";
}

TEST(Decide, FindsIdsThatStandForTwoTexts) {
  Rows rows;
  rows.pair("p", "a").id = 7;
  rows.pair("q", "b").id = 7;
  rows.demonstration("r", "b", 1).id = 7;
  const Decisions decisions = decide(rows.keys(), {}, seed);
  ASSERT_EQ(decisions.same_ids.size(), 1U) << "a demonstration may have the id of a pair";
  EXPECT_EQ(decisions.same_ids[0].row, 1U);
  EXPECT_EQ(decisions.same_ids[0].other, 0U);
}

/// No group and no prompt stands in two parts, and no prompt of HF50 is lent.
void expect_disjoint(const std::vector<RowKey>& keys, const std::vector<Decision>& decisions) {
  std::map<std::uint64_t, Split> split_of;
  std::set<std::uint64_t> labelled;
  std::set<std::uint64_t> lent;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Decision& d = decisions[i];
    if (d.outcome != Outcome::kept) continue;
    Split split = d.split;  // demonstrations and unlabelled prompts: train
    if (keys[i].kind == RowKind::prompt && keys[i].given != 1) {
      split = keys[i].given == 1 + static_cast<int>(PromptSet::test) ? Split::test : Split::validation;
    }
    for (const auto name : {keys[i].group, keys[i].prompt}) {
      const auto [entry, is_new] = split_of.try_emplace(name, split);
      EXPECT_EQ(entry->second, split) << "a group or prompt stands in two splits";
    }
    if (d.labelled_half != 0) labelled.insert(keys[i].prompt);
    if (d.lends_prompt == 1) lent.insert(keys[i].prompt);
  }
  for (const auto prompt : lent) EXPECT_FALSE(labelled.contains(prompt));
}

TEST(Decide, BalanceSumsAndPartsAreDisjointForRandomInput) {
  RandomSequence random(Philox("test", 5, 0, "decide"));
  const std::vector<Source> sources = {
      {RowKind::pair, "a", "a"}, {RowKind::prompt, "b", "b"}, {RowKind::demonstration, "c", "c"}};
  for (int trial = 0; trial < 50; ++trial) {
    Rows rows;
    for (std::uint32_t source = 0; source < 3; ++source) {
      for (int i = 0; i < 40; ++i) {
        const std::string prompt = "p" + std::to_string(random.below(12));
        const std::string text = "t" + std::to_string(random.below(4));
        if (source == 0) {
          RowKey& row = rows.pair(prompt, text, 0);
          if (random.chance(0.5)) row.group = random.below(6);
          row.given_half = static_cast<std::uint8_t>(random.below(3));
          row.given = static_cast<std::uint8_t>(random.below(5));
          row.outcome = static_cast<Outcome>(random.below(4) == 0 ? random.below(8) : 0);
        } else if (source == 1) {
          rows.prompt(prompt, static_cast<PromptSet>(random.below(3)), 1);
        } else {
          rows.demonstration(prompt, text, 2);
        }
      }
    }
    DataSettings settings;
    settings.on_overlap = OnOverlap::drop;
    const Decisions decisions = decide(rows.keys(), settings, static_cast<std::uint64_t>(trial));
    const Balance balance = make_balance(sources, rows.keys(), decisions.rows);
    for (const auto& file : balance.files) {
      std::int64_t sum = 0;
      for (const auto count : file.outcomes) sum += count;
      EXPECT_EQ(sum, file.rows);
      EXPECT_EQ(file.rows, 40);
    }
    expect_disjoint(rows.keys(), decisions.rows);
  }
}

TEST(Decide, RefusesRowsOutOfOrder) {
  Rows rows;
  rows.pair("p", "a", 1);
  rows.pair("p", "b", 0);
  EXPECT_THROW((void)decide(rows.keys(), {}, seed), InternalError);
}

}  // namespace
}  // namespace westofn::preparation
