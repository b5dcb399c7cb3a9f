// SPDX-License-Identifier: Apache-2.0
#include "evaluation/assess.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>

#include "metrics/best_of_n.h"
#include "util/philox.h"
#include "world/gold.h"

namespace westofn::evaluation {
namespace {

using metrics::Estimate;

/// The names of groups as numbers.
template <class Items, class Name>
std::vector<std::int64_t> groups_of(const Items& items, Name name) {
  std::vector<std::string> names;
  names.reserve(items.size());
  for (const auto& item : items) names.push_back(name(item));
  return metrics::number_groups(names);
}

/// A score from texts alone.
using FreeScore = std::function<double(const std::string& prompt, const std::string& response)>;

ModelScores score_freely(const TestSet& test, const FreeScore& score) {
  ModelScores scores;
  for (const auto& pair : test.pairs) {
    scores.chosen.push_back(score(pair.prompt, pair.chosen));
    scores.rejected.push_back(score(pair.prompt, pair.rejected));
  }
  for (const auto& pool : test.pools) {
    for (const auto& sample : pool.samples) scores.samples.push_back(score(pool.prompt.text, sample.response));
  }
  return scores;
}

double words(const std::string& text) { return static_cast<double>(metrics::count_words(text)); }

void add_to_mean(std::vector<double>& mean, const std::vector<double>& curve, std::size_t pools) {
  mean.resize(curve.size(), 0.0);
  for (std::size_t n = 0; n < curve.size(); ++n) mean[n] += curve[n] / static_cast<double>(pools);
}

/// Best-of-n over all pools. A pool with a sample that is too long for the scorer counts in no curve.
BestOfN best_of_n(const TestSet& test, const std::vector<double>& scores, const std::vector<double>& gold) {
  BestOfN result;
  if (scores.empty() || test.pools.empty()) return result;
  const auto n = static_cast<std::size_t>(test.n);
  std::vector<std::size_t> usable;
  for (std::size_t p = 0; p < test.pools.size(); ++p) {
    result.best.push_back(metrics::best_sample(std::span(scores).subspan(p * (n + 1), n)));
    if (result.best.back() >= 0) usable.push_back(p);
  }
  result.win_over_pool.assign(test.pools.size(), metrics::no_value);
  result.win_over_sft = result.win_over_pool;
  for (const std::size_t p : usable) {
    const auto pool_scores = std::span(scores).subspan(p * (n + 1), n);
    add_to_mean(result.score_n, metrics::best_of_n_curve(pool_scores, pool_scores), usable.size());
    if (gold.empty()) continue;
    const auto pool_gold = std::span(gold).subspan(p * (n + 1), n);
    const std::vector<double> wins = metrics::wins_over_pool(pool_gold);
    add_to_mean(result.gold_n, metrics::best_of_n_curve(pool_scores, pool_gold), usable.size());
    add_to_mean(result.win_n, metrics::best_of_n_curve(pool_scores, wins), usable.size());
    const auto best = static_cast<std::size_t>(result.best[p]);
    result.win_over_pool[p] = wins[best];
    result.win_over_sft[p] = metrics::outcome(pool_gold[best], gold[p * (n + 1) + n]);
  }
  return result;
}

/// Probabilities this close to one half decide nothing.
constexpr double tie_width = 1e-6;

/// One evaluation: what its steps share.
class Assessor {
 public:
  explicit Assessor(AssessmentInputs inputs) : inputs_(std::move(inputs)), test_(inputs_.test) {
    pair_groups_ = groups_of(test_.pairs, [](const HumanPair& pair) { return pair.group; });
    pool_groups_ = groups_of(test_.pools, [](const Pool& pool) { return pool.prompt.group; });
    std::vector<double> confidences;
    for (const auto& pair : test_.pairs) {
      confidences.push_back(pair.confidence);
      found_.length_differences.push_back(metrics::count_words(pair.chosen) - metrics::count_words(pair.rejected));
    }
    is_high_ = metrics::high_confidence(confidences);
    length_class_ = metrics::classify_lengths(found_.length_differences);
  }

  Assessment run() {
    found_.scorers = std::move(inputs_.scorers);
    if (inputs_.gold == GoldChoice::toy) found_.gold = found_.scorers.back().scores.samples;
    for (const auto& scorer : found_.scorers) found_.reports.push_back(report(scorer));
    compare();
    for (const auto& recipe : inputs_.recipes) found_.recipes.push_back(report(recipe));
    return std::move(found_);
  }

 private:
  [[nodiscard]] Report report(const Scorer& scorer) const {
    const ModelScores& scores = scorer.scores;
    Report result;
    result.outcomes = metrics::outcomes(scores.chosen, scores.rejected);
    result.accuracy = metrics::proportion(result.outcomes, pair_groups_, inputs_.intervals);
    result.high_confidence =
        metrics::proportion(metrics::only(result.outcomes, is_high_), pair_groups_, inputs_.intervals);
    for (std::size_t c = 0; c < result.by_length.size(); ++c) {
      std::vector<bool> keep;
      for (const std::size_t length_class : length_class_) keep.push_back(length_class == c);
      result.by_length[c] = metrics::proportion(metrics::only(result.outcomes, keep), pair_groups_, inputs_.intervals);
    }
    if (scorer.kind == ScorerKind::reward_model) result.length_correlation = correlate_with_length(scores);
    if (scorer.kind != ScorerKind::baseline) result.calibration = metrics::calibrate(probabilities(scorer));
    result.best_of_n = best_of_n(test_, scores.samples, found_.gold);
    if (!result.best_of_n.best.empty()) {
      result.win_over_pool = metrics::grouped_mean(result.best_of_n.win_over_pool, pool_groups_, inputs_.intervals);
      result.win_over_sft = metrics::proportion(result.best_of_n.win_over_sft, pool_groups_, inputs_.intervals);
      result.best_of_n.judged = judged(result.best_of_n.best);
      result.win_by_judge = metrics::proportion(judged_wins(result.best_of_n), pool_groups_, inputs_.intervals);
    }
    return result;
  }

  /// What the judge says of the best samples.
  [[nodiscard]] std::vector<double> judged(const std::vector<std::int64_t>& best) const {
    std::vector<double> values(best.size(), metrics::no_value);
    for (std::size_t p = 0; p < best.size() && !inputs_.judged.empty(); ++p) {
      if (best[p] >= 0)
        values[p] = inputs_.judged[p * static_cast<std::size_t>(test_.n + 1) + static_cast<std::size_t>(best[p])];
    }
    return values;
  }

  /// 1: the judge prefers Best-of-N, 0.5: it cannot tell.
  [[nodiscard]] static std::vector<double> judged_wins(const BestOfN& best) {
    std::vector<double> wins;
    for (const double p : best.judged) {
      wins.push_back(std::isnan(p) ? p : std::abs(p - 0.5) <= tie_width ? 0.5 : p > 0.5 ? 1.0 : 0.0);
    }
    return wins;
  }

  /// Of both responses of every test pair.
  [[nodiscard]] metrics::Estimate correlate_with_length(const ModelScores& scores) const {
    std::vector<double> values, lengths;
    std::vector<std::int64_t> groups;
    for (std::size_t i = 0; i < test_.pairs.size(); ++i) {
      for (const auto& [score, text] : {std::pair(scores.chosen[i], &test_.pairs[i].chosen),
                                        std::pair(scores.rejected[i], &test_.pairs[i].rejected)}) {
        values.push_back(score);
        lengths.push_back(static_cast<double>(metrics::count_words(*text)));
        groups.push_back(pair_groups_[i]);
      }
    }
    return metrics::rank_correlation(values, lengths, groups, inputs_.intervals);
  }

  /// P(chosen > rejected) of every pair.
  [[nodiscard]] static std::vector<double> probabilities(const Scorer& scorer) {
    const ModelScores& scores = scorer.scores;
    if (is_pairwise(scorer.kind)) return scores.chosen;
    std::vector<double> values(scores.chosen.size());
    std::transform(scores.chosen.begin(), scores.chosen.end(), scores.rejected.begin(), values.begin(),
                   metrics::preference_probability);
    return values;
  }

  /// Every reward model against the reference.
  void compare() {
    for (std::size_t i = 0; i < found_.scorers.size(); ++i) {
      const Scorer& scorer = found_.scorers[i];
      if (scorer.kind == ScorerKind::reward_model && scorer.name == inputs_.reference) found_.reference = i;
    }
    const Report& reference = found_.reports[found_.reference];
    for (std::size_t i = 0; i < found_.scorers.size(); ++i) {
      if (i == found_.reference || found_.scorers[i].kind != ScorerKind::reward_model) continue;
      const Report& model = found_.reports[i];
      Difference difference{i, {}, {}, {}, metrics::mcnemar(model.outcomes, reference.outcomes)};
      difference.accuracy =
          metrics::paired_difference(model.outcomes, reference.outcomes, pair_groups_, inputs_.intervals);
      difference.win_over_pool = metrics::paired_difference(
          model.best_of_n.win_over_pool, reference.best_of_n.win_over_pool, pool_groups_, inputs_.intervals);
      difference.win_by_judge = metrics::paired_difference(
          judged_wins(model.best_of_n), judged_wins(reference.best_of_n), pool_groups_, inputs_.intervals);
      found_.differences.push_back(difference);
    }
  }

  [[nodiscard]] RecipeReport report(const RecipePairs& recipe) const {
    RecipeReport result;
    result.prompts = static_cast<std::int64_t>(recipe.pairs.size());
    std::vector<double> labels(recipe.pairs.size(), metrics::no_value);
    for (std::size_t i = 0; i < recipe.pairs.size(); ++i) {
      const SyntheticPair& pair = recipe.pairs[i];
      const bool kept = pair.outcome == PairOutcome::kept;
      if (kept) ++result.kept;
      double difference = metrics::no_value;
      if (inputs_.gold == GoldChoice::toy && pair.chosen >= 0) {
        const double chosen = world::gold(pair.prompt_text, pair.chosen_response);
        const double rejected = world::gold(pair.prompt_text, pair.rejected_response);
        difference = chosen - rejected;
        if (kept) labels[i] = metrics::outcome(chosen, rejected);
      }
      result.gold_difference.push_back(difference);
    }
    const auto groups = groups_of(recipe.pairs, [](const SyntheticPair& pair) { return pair.group; });
    result.label_accuracy = metrics::proportion(labels, groups, inputs_.intervals);
    return result;
  }

  AssessmentInputs inputs_;
  const TestSet& test_;
  std::vector<std::int64_t> pair_groups_;
  std::vector<std::int64_t> pool_groups_;
  std::vector<bool> is_high_;
  std::vector<std::size_t> length_class_;
  Assessment found_;
};

}  // namespace

std::vector<Scorer> with_baselines(std::vector<Scorer> models, const TestSet& test, GoldChoice gold,
                                   std::uint64_t seed) {
  std::vector<Scorer> scorers = std::move(models);
  const auto add = [&](const char* name, const FreeScore& score) {
    scorers.push_back({name, ScorerKind::baseline, score_freely(test, score)});
  };
  RandomSequence random(Philox("random scorer", seed, 0, ""));
  add("longer", [](const auto&, const auto& response) { return words(response); });
  add("shorter", [](const auto&, const auto& response) { return -words(response); });
  add("random", [&](const auto&, const auto&) { return random.uniform(); });
  if (gold == GoldChoice::toy) add("gold", [](const auto& post, const auto& text) { return world::gold(post, text); });
  return scorers;
}

Assessment assess(AssessmentInputs inputs) { return Assessor(std::move(inputs)).run(); }

}  // namespace westofn::evaluation
