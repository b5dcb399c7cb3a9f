// SPDX-License-Identifier: Apache-2.0
#include "preparation/balance.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <unordered_set>

namespace westofn::preparation {
namespace {

constexpr std::array<const char*, 4> split_names = {"train", "validation", "test", "judge"};
constexpr std::array<const char*, 3> set_names = {"unlabelled", "validation", "test"};
constexpr std::array<const char*, 3> kind_names = {"pairs", "prompts", "demonstrations"};

const char* name_of(RowKind kind) { return kind_names[static_cast<std::size_t>(kind)]; }

std::string line_of(const char* format, const std::string& label, std::int64_t count) {
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), format, label.c_str(), static_cast<long long>(count));
  return text.data();
}

}  // namespace

double Balance::labelled_share() const {
  const auto train = splits[0].pairs;
  return train == 0 ? 0 : static_cast<double>(labelled_half) / static_cast<double>(train);
}

Balance make_balance(const std::vector<Source>& sources, std::span<const RowKey> rows,
                     std::span<const Decision> decisions) {
  Balance balance;
  for (const auto& source : sources) balance.files.push_back({source.name, source.kind, 0, {}});
  std::array<std::unordered_set<std::uint64_t>, 4> groups;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const RowKey& row = rows[i];
    const Decision& decision = decisions[i];
    auto& file = balance.files[row.source];
    ++file.rows;
    ++file.outcomes[static_cast<std::size_t>(decision.outcome)];
    if (decision.outcome != Outcome::kept) continue;
    if (row.kind == RowKind::prompt) ++balance.prompts_given[row.given - 1U];
    if (row.kind == RowKind::demonstration) ++balance.demonstrations;
    if (row.kind != RowKind::pair) continue;
    const auto split = static_cast<std::size_t>(decision.split);
    ++balance.splits[split].pairs;
    groups[split].insert(row.group);
    balance.labelled_half += decision.labelled_half;
    balance.demonstrations += decision.is_demonstration;
    if (decision.lends_prompt != 0) ++balance.prompts_of_pairs[decision.lends_prompt - 1U];
  }
  for (std::size_t split = 0; split < 4; ++split) {
    balance.splits[split].groups = static_cast<std::int64_t>(groups[split].size());
  }
  return balance;
}

std::string to_json(const Balance& balance) {
  nlohmann::ordered_json json;
  for (const auto& file : balance.files) {
    nlohmann::ordered_json entry = {{"file", file.name}, {"kind", name_of(file.kind)}, {"rows", file.rows}};
    for (std::size_t i = 0; i < outcome_count; ++i) {
      if (i == 0 || file.outcomes[i] != 0) entry[std::string(to_string(static_cast<Outcome>(i)))] = file.outcomes[i];
    }
    json["files"].push_back(std::move(entry));
  }
  for (std::size_t i = 0; i < 4; ++i) {
    json["pairs"][split_names[i]] = {{"pairs", balance.splits[i].pairs}, {"groups", balance.splits[i].groups}};
  }
  json["labelled_half"] = {{"pairs", balance.labelled_half}, {"share_of_train", balance.labelled_share()}};
  for (std::size_t i = 0; i < 3; ++i) {
    json["prompts"][set_names[i]] = {{"given", balance.prompts_given[i]}, {"of_pairs", balance.prompts_of_pairs[i]}};
  }
  json["demonstrations"] = balance.demonstrations;
  return json.dump(2) + "\n";
}

std::map<std::string, std::int64_t> manifest_counts(const Balance& balance) {
  std::map<std::string, std::int64_t> counts;
  for (const auto& file : balance.files) {
    const std::string kind = name_of(file.kind);
    counts["rows." + kind] += file.rows;
    for (std::size_t i = 0; i < outcome_count; ++i) {
      const std::string outcome(to_string(static_cast<Outcome>(i)));
      if (i == 0 || file.outcomes[i] != 0) counts["outcome." + kind + "." + outcome] += file.outcomes[i];
    }
  }
  for (std::size_t i = 0; i < 4; ++i) {
    counts[std::string("split.") + split_names[i]] = balance.splits[i].pairs;
    counts[std::string("groups.") + split_names[i]] = balance.splits[i].groups;
  }
  counts["labelled_half"] = balance.labelled_half;
  for (std::size_t i = 0; i < 3; ++i) {
    counts[std::string("prompts.") + set_names[i]] = balance.prompts_given[i] + balance.prompts_of_pairs[i];
  }
  counts["demonstrations"] = balance.demonstrations;
  return counts;
}

std::string balance_table(const std::map<std::string, std::int64_t>& counts) {
  const auto count = [&](const std::string& name) {
    const auto entry = counts.find(name);
    return entry == counts.end() ? std::int64_t{0} : entry->second;
  };
  std::string text = "Balance (every row is kept or has one reason)\n";
  for (const std::string kind : kind_names) {
    if (!counts.contains("rows." + kind)) continue;
    text += line_of("  %-34s %9lld\n", "rows of " + kind, count("rows." + kind));
    for (const auto& [name, value] : counts) {
      const std::string prefix = "outcome." + kind + ".";
      if (name.starts_with(prefix)) text += line_of("    %-32s %9lld\n", name.substr(prefix.size()), value);
    }
  }
  text += "Output\n";
  for (const std::string split : split_names) {
    text += line_of("  %-34s %9lld", "pairs, " + split, count("split." + split));
    text += line_of("%s in %lld groups\n", "", count("groups." + split));
  }
  text += line_of("  %-34s %9lld", "labelled half (HF50) of train", count("labelled_half"));
  if (count("split.train") > 0) {
    std::array<char, 32> share{};
    std::snprintf(share.data(), share.size(), " = %.1f %%",
                  100 * static_cast<double>(count("labelled_half")) / static_cast<double>(count("split.train")));
    text += share.data();
  }
  text += "\n";
  for (const std::string set : set_names) {
    text += line_of("  %-34s %9lld\n", "prompts, " + set, count("prompts." + set));
  }
  return text + line_of("  %-34s %9lld", "demonstrations", count("demonstrations"));
}

}  // namespace westofn::preparation
