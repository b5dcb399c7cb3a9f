// SPDX-License-Identifier: Apache-2.0
#include "synthesis/recipe_report.h"

#include <algorithm>
#include <array>

#include "metrics/histogram.h"
#include "synthesis/account_text.h"

namespace westofn::synthesis {
namespace {

constexpr std::int64_t prompts_for_a_pair = 10;
constexpr double knows_nothing = 0.55;
constexpr double many_inverted = 0.2;

/// What an outcome means, and what helps where most prompts end with it.
struct Meaning {
  const char* what;
  const char* advice;
};

constexpr std::array<Meaning, io::outcome_count> meanings = {
    Meaning{"kept", ""},
    Meaning{"one_response: fewer than two different responses", "raise generation.temperature, or n"},
    Meaning{"inverted: the final prefers the worst",
            "the preference model contradicts itself: train it longer or on more pairs"},
    Meaning{"too_long: two responses do not fit",
            "raise preference_model.max_input_tokens, or lower generation.max_new_tokens"},
    Meaning{"non_finite: a score is no number", "look at the weights of the preference model, or compute in float32"},
    Meaning{"confidence: below its quantile", "lower `confidence` of the recipe"},
    Meaning{"chosen: its likelihood is below its quantile", "lower `likelihood` of the recipe"},
    Meaning{"rejected: its likelihood is below its quantile", "lower `likelihood` of the recipe"},
    Meaning{"joint: their likelihoods are below their quantile", "lower `likelihood` of the recipe"}};

bool is_filter_reason(std::size_t outcome) { return outcome >= static_cast<std::size_t>(PairOutcome::confidence); }

std::string balance_text(const RecipeBalance& balance) {
  std::vector<CountLine> lines;
  for (std::size_t i = 0; i < balance.outcomes.size(); ++i) {
    if (balance.outcomes[i] > 0 || !is_filter_reason(i)) lines.push_back({meanings[i].what, balance.outcomes[i]});
  }
  lines.push_back({"all prompts", balance.prompts()});
  return counts_text(lines, balance.prompts());
}

AccountLine filter_line(const selection::Filter& filter, const selection::Cut& cut) {
  const bool is_confidence = filter.reason == PairOutcome::confidence;
  return {
      "filter by " + std::string(is_confidence ? "" : "likelihood, ") + std::string(io::outcome_name(filter.reason)),
      "drops the lowest " + fixed_text(100 * filter.q, 1) + " %: keeps " + fixed_text(cut.value, 4) +
          " and above (prompt " + std::to_string(cut.index) + ")"};
}

AccountLine source_line(const std::string& source, std::int64_t pairs, std::int64_t rows) {
  const std::string often = pairs == 0 ? "" : ", each used " + fixed_text(share_of(rows, pairs), 2) + " times";
  return {source, std::to_string(pairs) + " in " + std::to_string(rows) + " rows of the mixture" + often};
}

std::string histogram_text(const RecipeBalance& balance) {
  const std::vector<double> middles = ConfidenceCounts::middles();
  std::vector<metrics::HistogramColumn> columns = {{"confidence, all pairs", middles, balance.confidence.counts()}};
  if (balance.kept_confidence.pairs() < balance.confidence.pairs()) {
    columns.push_back({"kept pairs", middles, balance.kept_confidence.counts()});
  }
  return "\n" + metrics::text_histogram(columns);
}

}  // namespace

std::string RecipeReport::text() const {
  const std::int64_t kept = balance.outcomes[0];
  std::vector<AccountLine> lines;
  if (balance.pairs > 0) {
    for (std::size_t f = 0; f < filters.size(); ++f) {
      if (filters[f].q > 0) lines.push_back(filter_line(filters[f], cuts[f]));
    }
    lines.push_back({"cycles", std::to_string(balance.cycles) + " (one response won both brackets)"});
    std::string medians =
        fixed_text(balance.confidence.median(), 3) + " of " + std::to_string(balance.pairs) + " pairs";
    if (kept > 0) {
      medians += ", " + fixed_text(balance.kept_confidence.median(), 3) + " of " + std::to_string(kept) + " kept";
    }
    lines.push_back({"median confidence", medians});
  }
  lines.push_back(source_line("human pairs", balance.human, balance.human_rows));
  lines.push_back(source_line("synthetic pairs", kept, balance.mixture - balance.human_rows));
  return std::to_string(kept) + " pairs from " + std::to_string(balance.prompts()) + " prompts" +
         balance_text(balance) + lines_text(lines) + (balance.pairs > 0 ? histogram_text(balance) : "");
}

std::vector<std::string> RecipeReport::warnings() const {
  std::vector<std::string> found;
  const std::int64_t kept = balance.outcomes[0];
  if (kept * prompts_for_a_pair < balance.prompts()) {
    const auto reason = std::max_element(balance.outcomes.begin() + 1, balance.outcomes.end());
    const Meaning& most = meanings.at(static_cast<std::size_t>(reason - balance.outcomes.begin()));
    found.push_back((kept == 0 ? "no pair is kept" : "only " + std::to_string(kept) + " pairs are kept") + " of " +
                    std::to_string(balance.prompts()) + " prompts; the most frequent reason, in " +
                    percent_text(*reason, balance.prompts()) + ", is " + most.what + ": " + most.advice);
  }
  // `random` plays no match, and says 0.5 of all its pairs.
  if (balance.pairs > 0 && rule != selection::Rule::random && balance.confidence.median() < knows_nothing) {
    found.push_back("the median confidence is " + fixed_text(balance.confidence.median(), 3) +
                    ", and 0.5 is a coin: the preference model knows next to nothing about these responses. Look at "
                    "its validation accuracy, train it longer or on more pairs, or sample responses that differ more "
                    "(generation.temperature)");
  }
  const std::int64_t inverted = balance.outcomes[static_cast<std::size_t>(PairOutcome::inverted)];
  if (share_of(inverted, balance.pairs + inverted) > many_inverted) {
    found.push_back(percent_text(inverted, balance.pairs + inverted) +
                    " of the finals prefer the response that was worst before: the preference model contradicts "
                    "itself. Train it longer or on more pairs, and keep orders: both");
  }
  return found;
}

}  // namespace westofn::synthesis
