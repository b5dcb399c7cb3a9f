// SPDX-License-Identifier: Apache-2.0
#include "synthesis/pool_account.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/thread_communicator.h"

namespace westofn::synthesis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A pool of these responses; each has as many tokens as letters, and one more if it ended by itself.
Pool make_pool(const std::vector<std::string>& responses, PromptSet set = PromptSet::unlabelled, bool finished = true) {
  Pool pool;
  pool.prompt.set = set;
  for (const auto& response : responses) {
    Sample sample;
    sample.number = static_cast<std::int32_t>(pool.samples.size());
    sample.response = response;
    sample.tokens.resize(response.size() + (finished ? 1 : 0));
    sample.finished = finished;
    pool.samples.push_back(sample);
  }
  return pool;
}

PoolAccount account_of(const std::vector<Pool>& pools) {
  PoolAccount account;
  account.add(pools);
  return account;
}

/// n different responses, and then the first one again.
std::vector<std::string> responses_of(std::size_t differ, std::size_t n) {
  std::vector<std::string> responses;
  for (std::size_t i = 0; i < n; ++i) responses.emplace_back(i < differ ? i + 1 : 1, 'x');
  return responses;
}

TEST(PoolAccount, CountsSamplesOfAllSetsAndDifferentResponsesOfUnlabelledPools) {
  const auto counts =
      account_of({make_pool({"a", "b", "a", ""}), make_pool({"a", "bb", "c", "d"}), make_pool({"a", "a", "a", "a"}),
                  make_pool({"x"}, PromptSet::validation, false), make_pool({"y", "y"}, PromptSet::test)})
          .counts();
  EXPECT_EQ(counts, (std::map<std::string, std::int64_t>{{"prompts", 5},
                                                         {"unlabelled_prompts", 3},
                                                         {"validation_prompts", 1},
                                                         {"test_prompts", 1},
                                                         {"samples", 15},
                                                         {"finished", 14},
                                                         {"empty", 1},
                                                         {"tokens", 3 + 4 + 5 + 4 + 4 + 4 + 1 + 2 + 2},
                                                         {"distinct", 2 + 4 + 1},
                                                         {"distinct_median", 2},
                                                         {"few_distinct", 2}}));
}

TEST(PoolAccount, IsTheSameForAnyNumberOfRanks) {
  const std::vector<Pool> pools = {make_pool(responses_of(3, 20)), make_pool(responses_of(20, 20)),
                                   make_pool(responses_of(9, 20)), make_pool({"z"}, PromptSet::validation)};
  const auto expected = account_of(pools);
  for (const int ranks : {1, 2, 3, 5}) {
    comm::run_threads(ranks, [&](comm::Communicator& comm) {
      PoolAccount account;  // of ranks without pools too
      for (std::size_t i = 0; i < pools.size(); ++i) {
        if (static_cast<int>(i) % ranks == comm.rank()) account.add(std::span(pools).subspan(i, 1));
      }
      account.sum(comm);
      EXPECT_EQ(account.counts(), expected.counts());
      EXPECT_EQ(account.text(), expected.text());
    });
  }
}

TEST(PoolAccount, SaysWhatWasWritten) {
  const std::string text = account_of({make_pool(responses_of(2, 10)), make_pool(responses_of(9, 10))}).text();
  EXPECT_THAT(text, HasSubstr("20 samples for 2 prompts"));
  EXPECT_THAT(text, HasSubstr("of 10 in an unlabelled pool: mean 5.5, median 2; fewer than 8 in 1 pools, 50.0 %"));
}

TEST(PoolAccount, WarnsWhenHalfOfThePoolsSayAlwaysTheSame) {
  const auto same = make_pool(responses_of(7, 64));
  const auto differ = make_pool(responses_of(8, 64));
  EXPECT_THAT(account_of({same, differ, differ}).warnings(), IsEmpty());
  EXPECT_THAT(account_of({same, differ}).warnings(), ElementsAre(HasSubstr("raise generation.temperature")));
}

TEST(PoolAccount, ExpectsNoMoreDifferentResponsesThanThereAreSamples) {
  EXPECT_THAT(account_of({make_pool(responses_of(4, 4))}).warnings(), IsEmpty());
  EXPECT_THAT(account_of({make_pool(responses_of(3, 4))}).warnings(), ElementsAre(HasSubstr("fewer than 4 different")));
}

TEST(PoolAccount, WarnsOfSamplesThatDoNotEndOrAreEmpty) {
  const auto cut = make_pool(responses_of(10, 10), PromptSet::unlabelled, false);
  const auto whole = make_pool(responses_of(10, 10));
  EXPECT_THAT(account_of({cut, whole, whole}).warnings(), IsEmpty());
  EXPECT_THAT(account_of({cut, whole}).warnings(), ElementsAre(HasSubstr("raise generation.max_new_tokens")));
  auto silent = responses_of(9, 10);
  silent[9] = "";
  EXPECT_THAT(account_of({make_pool(silent)}).warnings(), IsEmpty());
  silent[8] = "";
  EXPECT_THAT(account_of({make_pool(silent)}).warnings(), ElementsAre(HasSubstr("generation.min_new_tokens")));
}

TEST(PoolAccount, OfNothingIsEmptyAndQuiet) {
  comm::run_threads(2, [](comm::Communicator& comm) {
    PoolAccount account;
    account.sum(comm);
    EXPECT_EQ(account.counts().at("samples"), 0);
    EXPECT_THAT(account.warnings(), IsEmpty());
    EXPECT_THAT(account.text(), HasSubstr("0 samples for 0 prompts"));
  });
}

}  // namespace
}  // namespace westofn::synthesis
