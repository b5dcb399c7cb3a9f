// SPDX-License-Identifier: Apache-2.0
#include "synthesis/pool_account.h"

#include <algorithm>

#include "selection/bracket.h"
#include "synthesis/account_text.h"

namespace westofn::synthesis {
namespace {

constexpr std::int64_t few = 8;
constexpr double many_unfinished = 1.0 / 3;
constexpr double many_empty = 0.1;
constexpr double many_pools = 0.5;

}  // namespace

void PoolAccount::add(std::span<const Pool> pools) {
  for (const Pool& pool : pools) {
    ++sums_.at(static_cast<std::size_t>(pool.prompt.set));
    for (const Sample& sample : pool.samples) {
      ++sums_[samples];
      sums_[finished] += sample.finished ? 1 : 0;
      sums_[empty] += sample.response.empty() ? 1 : 0;
      sums_[tokens] += static_cast<std::int64_t>(sample.tokens.size());
    }
    if (pool.prompt.set != PromptSet::unlabelled) continue;
    const auto size = static_cast<std::int64_t>(pool.samples.size());
    const std::size_t differ = selection::contestants(pool.samples, static_cast<std::int32_t>(size)).size();
    pools_with_.resize(std::max(pools_with_.size(), differ + 1));
    ++pools_with_[differ];
    pool_size_ = std::max(pool_size_, size);
  }
}

void PoolAccount::sum(comm::Communicator& comm) {
  comm.all_reduce(sums_, comm::ReduceOp::sum);
  pool_size_ = comm.all_reduce(pool_size_, comm::ReduceOp::max);
  pools_with_.resize(static_cast<std::size_t>(pool_size_) + 1);
  comm.all_reduce(pools_with_, comm::ReduceOp::sum);
}

std::int64_t PoolAccount::few_limit() const { return std::min(few, pool_size_); }

std::int64_t PoolAccount::distinct() const {
  std::int64_t sum = 0;
  for (std::size_t d = 0; d < pools_with_.size(); ++d) sum += static_cast<std::int64_t>(d) * pools_with_[d];
  return sum;
}

std::int64_t PoolAccount::distinct_median() const {
  std::int64_t pools = 0;
  for (std::size_t d = 0; d < pools_with_.size(); ++d) {
    pools += pools_with_[d];
    if (2 * pools >= sums_[unlabelled]) return static_cast<std::int64_t>(d);
  }
  return 0;
}

std::int64_t PoolAccount::few_distinct() const {
  std::int64_t pools = 0;
  const auto limit = std::min(pools_with_.size(), static_cast<std::size_t>(few_limit()));
  for (std::size_t d = 0; d < limit; ++d) pools += pools_with_[d];
  return pools;
}

std::map<std::string, std::int64_t> PoolAccount::counts() const {
  return {{"prompts", prompts()},
          {"unlabelled_prompts", sums_[unlabelled]},
          {"validation_prompts", sums_[validation]},
          {"test_prompts", sums_[test]},
          {"samples", sums_[samples]},
          {"finished", sums_[finished]},
          {"empty", sums_[empty]},
          {"tokens", sums_[tokens]},
          {"distinct", distinct()},
          {"distinct_median", distinct_median()},
          {"few_distinct", few_distinct()}};
}

std::string PoolAccount::text() const {
  const std::int64_t all = sums_[samples];
  const std::int64_t unfinished = all - sums_[finished];
  std::vector<AccountLine> lines = {
      {"prompts", std::to_string(sums_[unlabelled]) + " unlabelled, " + std::to_string(sums_[validation]) +
                      " validation, " + std::to_string(sums_[test]) + " test"},
      {"tokens a sample", fixed_text(share_of(sums_[tokens], all), 1)},
      {"unfinished samples", std::to_string(unfinished) + ", " + percent_text(unfinished, all)},
      {"empty samples", std::to_string(sums_[empty]) + ", " + percent_text(sums_[empty], all)}};
  if (sums_[unlabelled] > 0) {
    lines.push_back({"different responses", "of " + std::to_string(pool_size_) + " in an unlabelled pool: mean " +
                                                fixed_text(share_of(distinct(), sums_[unlabelled]), 1) + ", median " +
                                                std::to_string(distinct_median()) + "; fewer than " +
                                                std::to_string(few_limit()) + " in " + std::to_string(few_distinct()) +
                                                " pools, " + percent_text(few_distinct(), sums_[unlabelled])});
  }
  return std::to_string(all) + " samples for " + std::to_string(prompts()) + " prompts" + lines_text(lines);
}

std::vector<std::string> PoolAccount::warnings() const {
  std::vector<std::string> found;
  const std::int64_t all = sums_[samples];
  if (sums_[unlabelled] > 0 && share_of(few_distinct(), sums_[unlabelled]) >= many_pools) {
    found.push_back(percent_text(few_distinct(), sums_[unlabelled]) + " of the unlabelled pools have fewer than " +
                    std::to_string(few_limit()) + " different responses, so that there is little to choose from: " +
                    "raise generation.temperature, or set top_k and top_p to 0 and 1; a policy that always says the "
                    "same was trained too long");
  }
  if (share_of(all - sums_[finished], all) > many_unfinished) {
    found.push_back(percent_text(all - sums_[finished], all) +
                    " of the samples were cut off before they ended: raise generation.max_new_tokens, or train the "
                    "policy longer, so that it learns to end");
  }
  if (share_of(sums_[empty], all) > many_empty) {
    found.push_back(percent_text(sums_[empty], all) +
                    " of the samples are empty and will meet no other: set generation.min_new_tokens to 2 or more, or "
                    "look at what the policy was trained on");
  }
  return found;
}

}  // namespace westofn::synthesis
